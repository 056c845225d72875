"""What hostile code tries from inside, by subject. Each attack prints THROUGH if it got through.

A name, and the code; `os` is imported already. The numbers of system calls are those of x86-64.
Attacks that need a session of their own, or a look from outside, are in the test_escapes files.
"""

from tests.tools.code_interpreter.interpreter_process import ROOT

ATTEMPT = """
def attempt(*acts):
    for act in acts:
        try: result = act()
        except (OSError, ValueError, OverflowError): continue
        print('THROUGH', act, result)
"""
SYSTEM_CALL = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    result = libc.syscall(*arguments)
    if result >= 0: print('THROUGH', arguments, result)
def never(*arguments):
    # A call that must not be there at all: one that refuses its arguments is in the kernel already.
    ctypes.set_errno(0)
    if libc.syscall(*arguments) >= 0 or ctypes.get_errno() != errno.ENOSYS:
        print('THROUGH', arguments, ctypes.get_errno())
"""

FILES = {
    "files of the host": f"""
for path in ('/etc/shadow', '/etc/hostname', '/root', '/home', '/work', '/var', '/run', '/boot',
             {str(ROOT / "manage.py")!r}, '/proc/1/environ', '/proc/self/root/etc/shadow', '/sys',
             '/dev/mem', '/dev/kmsg', '/dev/vda', '/dev/sda', '/dev/fuse', '/dev/kvm',
             '/dev/vsock'):
    if os.path.exists(path): print('THROUGH', path)
""",
    "roundabout paths": """
for path in ('/proc/self/cwd', '/proc/self/fd', '/dev/fd', '/dev/stdin', '//etc/shadow',
             '/mnt/data/../../etc/shadow', '/dev/shm/../../root', '/opt/environment/lib/../../..'
             '/../root', '/usr/../home', '/lib/../var'):
    if os.path.exists(path): print('THROUGH', path)
""",
    "other sessions and the server's files": """
for at in ('/mnt', '/mnt/data/..', '/mnt/data/../..', '/tmp/..', '/dev/shm/../..'):
    names = set(os.listdir(at))
    if names & {'sessions', '.boxes', 'session.json', 'outputs', 'root', 'work', 'home'}:
        print('THROUGH', at, names)
""",
    "writing where it is read-only": """
import sys
places = ['/', '/usr', '/usr/bin', '/etc', '/dev', '/opt/kernel', '/opt/environment', '/mnt',
          *[p for p in sys.path if p.startswith('/')], os.path.dirname(sys.executable)]
for place in places:
    try: open(place + '/x', 'w'); print('THROUGH', place)
    except OSError: pass
""",
    "changing what is read-only": ATTEMPT
    + """
open('/tmp/mine', 'w').write('x')
for there in ('/opt/kernel/boot.py', '/etc/passwd', '/usr/bin/env', '/opt/kernel/matplotlibrc'):
    attempt(lambda: os.remove(there), lambda: os.replace('/tmp/mine', there),
            lambda: os.chmod(there, 0o777), lambda: os.truncate(there, 0),
            lambda: os.utime(there), lambda: os.rename(there, there + '.old'),
            lambda: open(there, 'r+'))
""",
    "second names for what is read-only": ATTEMPT
    + """
for there in ('/opt/kernel/boot.py', '/etc/passwd', '/usr/bin/env'):
    for here in ('/mnt/data/stolen', '/tmp/stolen', '/dev/shm/stolen'):
        attempt(lambda: os.link(there, here))
""",
    "nameless files that get a name elsewhere": SYSTEM_CALL
    + """
for folder in ('/tmp', '/mnt/data', '/dev/shm'):
    try: nameless = os.open(folder, os.O_TMPFILE | os.O_RDWR)
    except OSError: continue
    for target in (b'/usr/x', b'/opt/kernel/x', b'/etc/x', b'/x'):
        call(265, nameless, b'', -100, target, 0x1000)
    os.close(nameless)
""",
    "putting something else where /mnt/data is": ATTEMPT
    + SYSTEM_CALL
    + """
attempt(lambda: os.rename('/mnt/data', '/mnt/other'), lambda: os.rename('/mnt/data', '/tmp/data'),
        lambda: os.rmdir('/mnt/data'), lambda: os.remove('/mnt/data'),
        lambda: os.symlink('/', '/mnt/data/../link'), lambda: os.rename('/tmp', '/mnt/tmp'))
call(316, -100, b'/mnt/data', -100, b'/tmp', 2)
""",
    "file handles": SYSTEM_CALL
    + """
import struct
handle = ctypes.create_string_buffer(struct.pack('Ii', 128, 0) + bytes(128))
mount = ctypes.c_int()
for path in (b'/mnt/data', b'/', b'/usr'):
    never(303, -100, path, handle, ctypes.byref(mount), 0)
for inode in (2, 128):
    never(304, 3, struct.pack('Iiii', 8, 1, inode, 0), 0)
""",
    "open files of the server": """
import stat
for descriptor in range(3, 512):
    try: status = os.fstat(descriptor)
    except OSError: continue
    mode = status.st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        try: os.fchdir(descriptor); here = os.listdir()
        except OSError: continue
        finally: os.chdir('/mnt/data')
        print('THROUGH', descriptor, here)
""",
    "devices of its own": ATTEMPT
    + """
import stat
for folder in ('/tmp', '/mnt/data', '/dev/shm', '/dev'):
    for kind in (stat.S_IFCHR, stat.S_IFBLK):
        for device in ((1, 1), (1, 3), (8, 0), (254, 0), (10, 229)):
            attempt(lambda: os.mknod(f'{folder}/device', kind | 0o666, os.makedev(*device)))
""",
    "what the devices can be told": ATTEMPT
    + """
import fcntl, mmap
for name in ('null', 'zero', 'full', 'random', 'urandom'):
    device = os.open(f'/dev/{name}', os.O_RDWR)
    for request in (0x5206, 0x40085203, 0x5203, 0x5207, 0x80045430, 0x1260, 0xC0481273):
        attempt(lambda: fcntl.ioctl(device, request, bytes(64)))
    os.close(device)
""",
    "attributes and owners": ATTEMPT
    + SYSTEM_CALL
    + """
import fcntl
open('/mnt/data/owned', 'w').write('x')
attempt(lambda: os.chown('/mnt/data/owned', 0, 0), lambda: os.chown('/mnt/data', 0, 0),
        lambda: os.setxattr('/mnt/data/owned', 'security.capability', bytes(20)),
        lambda: os.setxattr('/mnt/data/owned', 'user.x', b'x'),
        lambda: os.setxattr('/mnt/data/owned', 'trusted.x', b'x'))
held = os.open('/mnt/data/owned', os.O_RDWR)
attempt(lambda: fcntl.ioctl(held, 0x40086602, bytes(8)))
os.close(held); os.remove('/mnt/data/owned')
""",
    "leases, which make the server wait": ATTEMPT
    + """
import fcntl
open('/mnt/data/leased', 'w').close()
for path in ('/mnt/data/leased', '/opt/kernel/boot.py', '/usr/bin/env', '/etc/passwd'):
    held = os.open(path, os.O_RDONLY)
    attempt(lambda: fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_RDLCK),
            lambda: fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK))
    os.close(held)
folder = os.open('/mnt/data', os.O_RDONLY)
attempt(lambda: fcntl.fcntl(folder, fcntl.F_NOTIFY, 1 << 31 | 63))
os.close(folder); os.remove('/mnt/data/leased')
""",
    "the environment of the host": """
known = {'PATH', 'LD_LIBRARY_PATH', 'HOME', 'LANG', 'PYTHONDONTWRITEBYTECODE', 'MPLBACKEND',
         'MPLCONFIGDIR', 'MATPLOTLIBRC', 'IPYTHONDIR', 'OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS',
         'MALLOC_ARENA_MAX', 'PWD', 'LC_CTYPE'}
# These are what libraries set in their own process.
known |= {'TERM', 'CLICOLOR', 'CLICOLOR_FORCE', 'FORCE_COLOR', 'PAGER', 'GIT_PAGER',
          'JPY_PARENT_PID', 'PYDEVD_USE_FRAME_EVAL', 'KMP_DUPLICATE_LIB_OK', 'KMP_INIT_AT_FORK'}
for name in os.environ:
    if name not in known: print('THROUGH', name)
""",
}

PROCESSES = {
    "other processes": """
import signal
seen = []
for pid in range(2, 40000):
    if pid == os.getpid(): continue
    try: os.kill(pid, 0); seen.append(pid)
    except ProcessLookupError: pass
    except PermissionError: seen.append(pid)
# A thread of its own can be signalled as well.
if len(seen) > 40: print('THROUGH', seen)
try: os.kill(1, signal.SIGKILL)
except OSError: pass
""",
    "tracing": SYSTEM_CALL
    + """
for request in (0, 16, 0x4206): never(101, request, 1, 0, 0)
""",
    "the memory of another process": SYSTEM_CALL
    + """
for number in (310, 311): never(number, 1, 0, 0, 0, 0, 0)
""",
    "the open files of another process": SYSTEM_CALL
    + """
never(434, 1, 0); never(438, 0, 0, 0); never(312, 1, os.getpid(), 0, 0, 0)
""",
    "programs that become root": """
import subprocess
for program in ('su', 'sudo', 'mount', 'passwd', 'unshare', 'nsenter', 'newuidmap', 'pkexec'):
    done = subprocess.run(f'{program} -c id || {program} -Ur id || {program} id', shell=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
    if b'uid=0' in done.stdout: print('THROUGH', program, done.stdout)
""",
    "a program of its own that runs as another": """
import shutil, subprocess
for mode in (0o4755, 0o2755, 0o6755):
    shutil.copy('/usr/bin/id', '/tmp/id')
    try: os.chmod('/tmp/id', mode)
    except OSError: continue
    said = subprocess.run(['/tmp/id'], capture_output=True, text=True).stdout
    if 'uid=1000' not in said or 'uid=0' in said or 'euid' in said: print('THROUGH', mode, said)
""",
    "becoming another user": ATTEMPT
    + """
attempt(lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setresuid(0, 0, 0),
        lambda: os.setresgid(0, 0, 0), lambda: os.setgroups([0]), lambda: os.setreuid(0, 0),
        lambda: os.setuid(1), lambda: os.setgid(65534))
""",
    "a larger share of the processor": ATTEMPT
    + SYSTEM_CALL
    + """
import struct
attempt(lambda: os.nice(-1), lambda: os.setpriority(os.PRIO_PROCESS, 0, -10),
        lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
        lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)))
never(314, 0, struct.pack('IIQiIQQQ', 48, 6, 0, 0, 0, 10**6, 10**7, 10**7), 0)
never(251, 1, 0, 1 << 13)
""",
    "a larger limit": """
import resource
for name in ('AS', 'NPROC', 'NOFILE', 'FSIZE', 'CORE', 'MEMLOCK', 'MSGQUEUE', 'SIGPENDING'):
    kind = getattr(resource, f'RLIMIT_{name}')
    hard = resource.getrlimit(kind)[1]
    if hard == resource.RLIM_INFINITY: print('THROUGH', name)
    for target in (hard + 1, resource.RLIM_INFINITY):
        try: resource.setrlimit(kind, (target, target)); print('THROUGH', name)
        except (OSError, ValueError): pass
        try: resource.prlimit(os.getpid(), kind, (target, target)); print('THROUGH', name)
        except (OSError, ValueError): pass
""",
    "hiding from the watch": SYSTEM_CALL
    + """
call(157, 4, 0, 0, 0, 0)       # PR_SET_DUMPABLE
call(157, 67, 1, 0, 0, 0)      # PR_SET_MEMORY_MERGE
call(157, 35, 8, 0, 0, 0)      # PR_SET_MM
call(157, 36, 1, 0, 0, 0)      # PR_SET_CHILD_SUBREAPER
""",
    "taking its own system calls away": SYSTEM_CALL
    + """
call(157, 22, 1, 0, 0, 0); call(157, 22, 2, 0, 0, 0)   # PR_SET_SECCOMP
never(317, 0, 0, 0); never(317, 1, 0, 0); never(317, 2, 0, 0)
""",
    "capabilities": SYSTEM_CALL
    + """
for bit in range(41): call(157, 47, 2, bit, 0, 0)      # PR_CAP_AMBIENT_RAISE
call(157, 28, 1 << 4, 0, 0, 0)                         # PR_SET_SECUREBITS
call(157, 8, 1, 0, 0, 0)                               # PR_SET_KEEPCAPS
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
call(126, header, (ctypes.c_uint32 * 6)(*[0xffffffff] * 6))
""",
    "terminals": ATTEMPT
    + """
import fcntl, termios
attempt(lambda: os.openpty(), lambda: open('/dev/tty'), lambda: open('/dev/console'),
        lambda: open('/dev/ptmx'))
for descriptor in (0, 1, 2):
    attempt(lambda: fcntl.ioctl(descriptor, termios.TIOCSTI, b'x'),
            lambda: fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0),
            lambda: fcntl.ioctl(descriptor, 0x541C, b'\\x03'))
""",
    "core dumps": """
import resource, signal
for folder in ('/mnt/data', '/tmp'):
    os.chdir(folder)
    pid = os.fork()
    if pid == 0: os.abort()
    status = os.waitpid(pid, 0)[1]
    if os.WCOREDUMP(status) or any(n.startswith('core') for n in os.listdir()): print('THROUGH')
os.chdir('/mnt/data')
# Where crashes are piped to a program of the host, only 1 keeps them from it, see core(5).
if resource.getrlimit(resource.RLIMIT_CORE) != (1, 1): print('THROUGH the pipe')
""",
}

# Those of linux/socket.h that are a way to somewhere, or into the kernel.
FAMILIES = {
    "INET": 2, "AX25": 3, "IPX": 4, "INET6": 10, "KEY": 15, "NETLINK": 16, "PACKET": 17,
    "RDS": 21, "PPPOX": 24, "LLC": 26, "CAN": 29, "TIPC": 30, "BLUETOOTH": 31, "RXRPC": 33,
    "PHONET": 35, "IEEE802154": 36, "ALG": 38, "NFC": 39, "VSOCK": 40, "KCM": 41,
    "QIPCRTR": 42, "SMC": 43, "XDP": 44, "MCTP": 45,
}  # fmt: skip

SOCKETS = {
    **{
        f"a socket of AF_{name}": f"""
import errno, socket
for kind in (1, 2, 3, 4, 5, 10):
    for make in (lambda: socket.socket({number}, kind), lambda: socket.socketpair({number}, kind),
                 *(lambda p=p: socket.socket({number}, kind, p) for p in (1, 6, 15, 17))):
        try: make(); print('THROUGH', kind)
        except OSError as error:
            if error.errno != errno.EAFNOSUPPORT: print('THROUGH', kind, error)
"""
        for name, number in FAMILIES.items()
    },
    "a socket of any other number": """
import socket
for family in (*range(64), 255, 65535, -1, 1 << 31):
    if family == socket.AF_UNIX: continue
    for kind in (1, 2, 3, 4, 5, 10):
        try: socket.socket(family, kind); print('THROUGH', family, kind)
        except (OSError, OverflowError): pass
""",
    "the network by its libraries": """
import socket, urllib.request
for act in (lambda: socket.create_connection(('127.0.0.1', 6379), 1),
            lambda: socket.create_connection(('169.254.169.254', 80), 1),
            lambda: socket.getaddrinfo('example.com', 80),
            lambda: urllib.request.urlopen('http://127.0.0.1:8000', timeout=1)):
    try: act(); print('THROUGH')
    except OSError: pass
""",
    "programs for sockets": ATTEMPT
    + """
import socket
one, other = socket.socketpair()
for option in (26, 50, 51, 52):
    try: one.setsockopt(socket.SOL_SOCKET, option, bytes(16)); print('THROUGH', option)
    except PermissionError: pass
    except OSError as error: print('THROUGH', option, error)
attempt(lambda: one.setsockopt(socket.SOL_SOCKET, 32, 1 << 30))  # SO_SNDBUFFORCE
""",
    "somebody else's credentials": ATTEMPT
    + """
import socket, struct
one, other = socket.socketpair()
for forged in ((1, 0, 0), (os.getpid(), 0, 0), (2**22, 1000, 1000)):
    message = [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack('iII', *forged))]
    attempt(lambda: one.sendmsg([b'x'], message))
""",
    "files hidden in flight": """
import array, socket
one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
one.setblocking(False)
sent = 0
pairs = []
try:
    while sent < 3000:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0] * 250))]
        try: one.sendmsg([b'x'], rights); sent += 250
        except BlockingIOError:
            pairs.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)); one = pairs[-1][0]
            one.setblocking(False)
    print('THROUGH', sent)
except OSError: pass
del one, other, pairs
""",
    "sockets with the names of the host's services": """
import socket
for name in ('/run/docker.sock', '/run/systemd/private', '/var/run/dbus/system_bus_socket',
             '/dev/log', '\\0/tmp/.X11-unix/X0', '\\0/tmp/dbus-session', '/tmp/.X11-unix/X0'):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try: socket.socket(socket.AF_UNIX, kind).connect(name); print('THROUGH', name)
        except OSError: pass
""",
}

# What it would be good for, and its numbers.
CALLS: dict[str, tuple[int, ...]] = {
    "programs in the kernel (bpf)": (321,),
    "io_uring": (425, 426, 427),
    "performance counters": (298,),
    "page faults of its own (userfaultfd)": (323,),
    "the kernel's keys": (248, 249, 250),
    "kernel modules": (175, 313, 176),
    "another kernel": (246, 320),
    "watching the file system (fanotify, inotify)": (300, 301, 253, 254, 294),
    "System V shared memory": (29, 30, 31),
    "System V queues": (68, 69, 70, 71),
    "System V semaphores": (64, 65, 66, 220),
    "POSIX queues": (240, 241, 242, 243),
    "memory without a name (memfd_create, memfd_secret)": (319, 447),
    "splicing pages": (275, 276, 278),
    "ports and segments of the processor": (172, 173, 154),
    "the clock": (164, 227, 159, 305),
    "the machine's name": (170, 171),
    "shutting the machine down": (169,),
    "swap, accounting and quotas": (167, 168, 163, 179, 443),
    "where memory lies": (256, 279, 237, 238, 239, 450, 440, 448),
    "locked memory": (149, 151, 325),
    "its own fences (landlock)": (444, 445, 446),
    "old and unused calls": (134, 139, 156, 174, 177, 178, 180, 183, 184, 185, 212, 236),
    "the newest calls": (453, 454, 455, 456, 457, 458, 459, 460, 461, 462, 463, 467),
    "the logs of the kernel": (103,),
}

KERNEL = {
    **{
        name: SYSTEM_CALL + f"for number in {numbers}: never(number, 0, 0, 0, 0, 0, 0)"
        for name, numbers in CALLS.items()
    },
    "a program that exists in memory only": SYSTEM_CALL
    + """
memory = libc.syscall(319, b'program', 0)
if memory >= 0:
    print('THROUGH')
    os.write(memory, open('/usr/bin/true', 'rb').read())
    if os.fork() == 0: libc.syscall(322, memory, b'', 0, 0, 0x1000)
""",
    "mounting": SYSTEM_CALL
    + """
never(165, b'none', b'/tmp', b'tmpfs', 0, None)
never(165, b'proc', b'/tmp', b'proc', 0, None)
never(165, b'none', b'/', None, 0x20, None)            # MS_REMOUNT without read-only
never(165, b'none', b'/opt/kernel', None, 0x1020, None)
never(165, b'/', b'/tmp', None, 0x1000, None)          # MS_BIND
never(166, b'/mnt/data', 2); never(166, b'/opt/kernel', 2)
""",
    "mounting by the new calls": SYSTEM_CALL
    + """
never(428, -100, b'/', 0); never(429, 0, b'', 0, b'', 4); never(430, b'tmpfs', 0)
never(442, 0, b'', 0)
never(431, 0, 0, 0, 0, 0); never(432, 0, 0, 0); never(433, -100, b'/', 0)
""",
    "another root": SYSTEM_CALL
    + """
never(155, b'.', b'.'); never(161, b'/tmp')
""",
    "new namespaces by unshare": SYSTEM_CALL
    + """
for flag in (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    never(272, flag)
""",
    "new namespaces by clone": SYSTEM_CALL
    + """
for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    pid = libc.syscall(56, flag | 17, 0, 0, 0, 0)
    if pid == 0: os._exit(0)
    if pid > 0: os.waitpid(pid, 0); print('THROUGH clone', hex(flag))
call(435, ctypes.create_string_buffer(88), 88)
""",
    "the namespaces of others": SYSTEM_CALL
    + """
for descriptor in range(0, 64): never(308, descriptor, 0)
""",
    "the x32 and unknown calls": SYSTEM_CALL
    + """
for number in (0x40000000 | 39, 0x40000000 | 520, 0x40000000 | 521, 600, 1000, 0x7fffffff, -1):
    never(number, 0, 0, 0, 0, 0, 0)
""",
    "numbers whose upper half hides another": SYSTEM_CALL
    + """
import socket
for family in (2, 16, 40):
    for high in (1 << 32, 0xffffffff << 32):
        call(41, ctypes.c_long(high | family), ctypes.c_long(1), ctypes.c_long(0))
        call(53, ctypes.c_long(high | family), ctypes.c_long(1), ctypes.c_long(0),
             (ctypes.c_int * 2)())
call(157, ctypes.c_long(1 << 32 | 4), 0, 0, 0, 0)
call(16, 0, ctypes.c_long(1 << 32 | 0x5412), b'x')
""",
}

EXHAUSTION = {
    "more open files than it may have": """
held = []
try:
    while len(held) < 5000: held.append(os.dup(0))
    print('THROUGH')
except OSError: pass
for one in held: os.close(one)
""",
    "more threads than it may have": """
import threading
over, held = threading.Event(), []
try:
    for _ in range(500):
        one = threading.Thread(target=over.wait); one.start(); held.append(one)
    print('THROUGH')
except RuntimeError: pass
over.set()
for one in held: one.join()
""",
    "more signals in waiting than it may have": """
import ctypes, signal
libc = ctypes.CDLL(None, use_errno=True)
pid = os.fork()
if pid == 0:
    signal.pthread_sigmask(signal.SIG_BLOCK, {40})
    sent = 0
    while sent < 100_000 and libc.sigqueue(os.getpid(), 40, 0) == 0: sent += 1
    os._exit(sent == 100_000)
if os.waitpid(pid, 0)[1] != 0: print('THROUGH')
""",
    "more timers than it may have": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
pid = os.fork()
if pid == 0:
    made, timer = 0, ctypes.c_int()
    while made < 100_000 and libc.syscall(222, 1, None, ctypes.byref(timer)) == 0: made += 1
    os._exit(made == 100_000)
if os.waitpid(pid, 0)[1] != 0: print('THROUGH')
""",
    "more address space than it may have": """
import mmap
for size in (5 << 30, 100 << 30, 1 << 46):
    try: mmap.mmap(-1, size); print('THROUGH')
    except (OSError, ValueError, OverflowError): pass
""",
    "memory that cannot be taken back": """
import ctypes, mmap
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_long
if libc.mmap(None, ctypes.c_size_t(1 << 26), 3, 0x22 | 0x2000, -1, 0) != -1: print('THROUGH')
""",
    "a larger pipe than it may have": """
import fcntl
r, w = os.pipe()
try: fcntl.fcntl(w, 1031, 1 << 28); print('THROUGH')
except OSError: pass
os.close(r); os.close(w)
""",
    "disk by the word alone": """
import errno
f = os.open('/tmp/promised', os.O_RDWR | os.O_CREAT)
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall(285, f, 0, ctypes.c_long(0), ctypes.c_long(1 << 20)) == 0: print('THROUGH')
os.posix_fallocate(f, 0, 1 << 20)  # the library's own way is to write
if os.fstat(f).st_size != 1 << 20: print('THROUGH: honest code cannot do it')
os.close(f); os.remove('/tmp/promised')
""",
    "one file that is larger than it may be": """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for grow in (lambda f: os.truncate(f, 1 << 30), lambda f: os.pwrite(f, b'x', 1 << 30)):
    f = os.open('/tmp/grown', os.O_RDWR | os.O_CREAT)
    try: grow(f); print('THROUGH')
    except OSError: pass
    os.close(f); os.remove('/tmp/grown')
""",
}

ATTACKS = {
    f"{subject}: {name}": code
    for subject, table in {
        "files": FILES,
        "processes": PROCESSES,
        "sockets": SOCKETS,
        "kernel": KERNEL,
        "exhaustion": EXHAUSTION,
    }.items()
    for name, code in table.items()
}
