"""What the service says to people as plain text, kept with runs and files or told: one text a line, as
the service says it, with ``{places}`` for what stands there in between.
"""

from typing import Final

from django.utils.translation import gettext_noop as _

HINTS: Final = (
    _("Try again; what was said is kept. Its own log may say more."),
    _("Try again in a moment; its own log may say more."),
    _("Its own log may say more."),
    _("Check that the address is that of its API; its own log may say more."),
    _("Check the key of this provider."),
    _("Check the model's name, {name}, and that the provider's address ends as in /v1."),
    _("Look at the account's plan and balance."),
    _("It wants to be asked again after {seconds} s."),
    _("Try again in a moment, or choose another model."),
    _("The newest message and what it needs are more than the model can read. Shorten it."),
    _("On Azure it is the name of your deployment."),
    _(
        "This machine may not let ordinary users make namespaces. On Debian and Ubuntu: sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0. In a container: run it with --security-opt seccomp=unconfined and --security-opt apparmor=unconfined."
    ),
    _(
        "The tool stays off. docs/interpreter.md says what each wall needs and how to try them again."
    ),
)
"""Sentences that follow another."""

TEXTS: Final = (
    # What share links refuse.
    _("Too many attempts. Try again in {seconds} s."),
    _("Name at least one account that may read."),
    _("Somebody has this user name already."),
    _("There is no account named “{name}” here."),
    _("At most {limit} accounts can be named."),
    _("The link would have expired already."),
    _("This link opens nothing any more, and cannot be changed. Make another one."),
    _("This key opens nothing any more, and cannot be changed. Make another one."),
    _("The files of this thread are too large to be copied ({limit} MB at most)."),
    # Why a run has failed, or an assistant was not changed, on another Assistants server.
    _(
        "{provider} sent what is no answer of the Assistants API ({what_came}). Check its address; its own log may say more."
    ),
    _(
        "{provider} has more of this thread than is brought ({megabytes} MB, {objects} objects at most)."
    ),
    _("{provider} did not answer within {seconds} s."),
    _("{provider} did not answer in time. Try again."),
    _(
        "{provider} points to another address ({status}), where nothing was sent: the conversation and the key are for the address that was given."
    ),
    _("{provider} was disconnected, so the run cannot go on. Connect it again."),
    _(
        "{provider} has another address now than when the run was created there, so it cannot go on. Run again."
    ),
    _("{name} is too large for {provider}: files of up to {number} bytes are sent there."),
    _("The server did not say why the run failed."),
    # Why an import has failed, or an object was not brought.
    _("The import had an error. The log says more."),
    _("It cannot be kept here. The log says why."),
    # Why a run has failed.
    _("The run had not ended when its thread was copied from another server."),
    _(
        "{provider}: the host name cannot be resolved. Check the address for typing errors, and this machine's network."
    ),
    _(
        "{provider}: no secure connection (TLS) could be made ({reason}). Check that the server speaks https at this address and that its certificate is valid."
    ),
    _(
        "{provider} refused the connection: nothing listens at this address and port. Check both, and that the server is running."
    ),
    _(
        "{provider} closed the connection without an answer. Try again. If it happens each time, check that the address is that of its API; its own log may say more."
    ),
    _("{provider} did not answer in time. Try again, or choose another model."),
    _("{provider} cannot be reached. Check its address and that it is running."),
    _(
        "{provider} gave an answer that was too long (more than {limit}), so it was cut off. A model that repeats itself does this: try again, choose another model, or set max_completion_tokens."
    ),
    _("{provider} refused the request ({status}): {reason}"),
    _("{provider} failed ({status}): {reason}"),
    _(
        "{provider}: the model {name} cannot call tools, and this assistant has some. Turn them off, or choose a model that can. The server's words: {reason}"
    ),
    _(
        "{provider} sent a web page instead of an answer. Check that the address is that of its API; most end in /v1."
    ),
    _(
        "{provider} did not begin to answer within {seconds} s. Try again, choose another model, or give it more time with CHAT_FIRST_TOKEN_SECONDS."
    ),
    _(
        "{provider} stopped in the middle of its answer: nothing came for {seconds} s. Try again, or choose another model. CHAT_SILENCE_SECONDS says how long to wait."
    ),
    _(
        "{provider} ended its answer before the first word. Its own log should say why. If the conversation is too long for the model, PLAYGROUND_MODEL_WINDOWS can say how much it takes."
    ),
    _("{provider} ended in the middle of its answer."),
    _(
        "{provider} sent what is not JSON. Try again. If it happens each time, check that the address is that of an API for chat completions."
    ),
    _("{provider} sent what is not a chat completion."),
    _("{provider} broke off: {reason}"),
    _(
        "{provider} gave an empty answer: no text and no tool call. Try again, or choose another model."
    ),
    _(
        "{provider} called tools {count} times without an answer. Tell the assistant in its instructions when to stop, or choose another model."
    ),
    _(
        "{provider} called tools that this run does not have ({names}), {count} times in a row. Choose another model, or name the tools in the instructions."
    ),
    _(
        "{provider} points to {host} ({status}), where nothing was sent: the conversation and the key are for the address that was given. Enter the other one if you trust it."
    ),
    _("{provider} takes no part of this conversation. Begin a new thread."),
    _("The model called a tool without naming it."),
    _("The provider's content filter stopped the answer. Ask in other words."),
    _("The server had an error while executing this run. Try again."),
    _(
        "The file storage does not answer, so this could not be done. Try again later; the server's log says what is wrong with it."
    ),
    _(
        "The worker that executed this run stopped. What it had written is kept; run again to continue."
    ),
    _("it does not say why."),
    # Why a file could not be read.
    _("The file is empty."),
    _("The content of this file is not in the file storage any more."),
    _("The file has no text in it."),
    _("The file has more than {limit} tokens."),
    _("The file could not be read."),
    _("The file could not be made searchable."),
    _("The file is too large for a text."),
    _("The file is not text, as its name says, but {kind}."),
    _("The file is not text, or in an unknown encoding. Save it as UTF-8."),
    _("The file took longer than {seconds} seconds to read."),
    _("The file could not be read: it is damaged, or needs too much memory."),
    _("The file needs too much memory to be read."),
    _("The file is nested too deeply to be read."),
    _("The file is not HTML that can be read."),
    _("The file's elements are nested too deeply to be read."),
    _("The file is not a PDF file, as its name says."),
    _("The file is not there any more."),
    _("The PDF file is protected by a password. Save it without one, and add it again."),
    _("The PDF file is damaged."),
    _("The PDF file has no text, only images: scanned pages need text recognition first."),
    _("The file is not a {kind} file, as its name says."),
    _("The file is not a Word file, as its name says. Save it as .docx."),
    _("The {kind} file is protected by a password. Save it without one, and add it again."),
    _(
        "The {kind} file is protected by a password, or of a version before 2007. Save it without one, in today's format, and add it again."
    ),
    _("The file is damaged, or not a {kind} file as its name says."),
    _("The {kind} file is too large when it is unpacked."),
    _("The {kind} file is too large."),
    _("The {kind} file is damaged, or too large."),
    _("The Word file is damaged, or too old. Save it as .docx."),
    _(
        "Files with extensions [{extension}] are not supported for retrieval. Documents, web pages, Markdown, text and the source of common languages are; save it as one of those, for example as .txt or .pdf."
    ),
    _("The server could not start reading the file."),
    _("The server was interrupted {count} times while it read the file."),
    _("a PDF file"),
    _("a ZIP archive or an Office document"),
    _("an old or protected Office document"),
    _("an image"),
    _("a compressed file"),
    _("a program"),
    _("a database"),
    # Why there are no vectors.
    _("{provider} did not answer in time."),
    _("{provider} refuses the key. Check EMBEDDING_API_KEY, or the provider's key."),
    _(
        "{provider} knows no embedding model {name}. Check EMBEDDING_MODEL, and that the address ends as in /v1."
    ),
    _("{provider} gave no vectors ({status}): {reason}"),
    _("{provider} gave no vectors: {reason}"),
    # What trying a provider has found.
    _("Address"),
    _("Key"),
    _("Model"),
    _("Streaming"),
    _("Tools"),
    _("It answers."),
    _("It is accepted."),
    _("It was not refused."),
    _("It lists no models: name one, then test again."),
    _("{name} answers, first after {seconds} s."),
    _("{name} gave no answer. {reason}"),
    _("Its answer was empty."),
    _("It sent what is not JSON."),
    _("It did not answer within {seconds} s."),
    _(
        "{address} answers 404: nothing of the API is there. The address of such a service usually ends in /v1: try {suggestion}."
    ),
    _("{address} answers 404. Leave {name} off: try {suggestion}."),
    _("A web page answers there. Check that this is the address of its API; most end in /v1."),
    _("Answers come word by word."),
    _("Streaming is not supported: answers come in one piece, when they are complete."),
    _("Function calls work."),
    _("{name} cannot call tools: it is for assistants without any. The server's words: {reason}"),
    _("It takes tools, but answered in words this time instead of a call."),
    _("API version"),
    _("Assistants"),
    _("There is no Assistants API at this address."),
    _("It speaks the first version of the API, which is not enough: version 2 is needed."),
    _("Version 2."),
    _("Version 2, at Azure's addresses, {version}."),
    _("It has none yet."),
    _("It has {number}: {names} and others."),
    _("It has {number}: {names}."),
    _("Seen there: {names}."),
    _("None was seen: that shows once it has assistants with tools."),
    # How the parts of this installation are.
    _("no answer within {seconds} s"),
    _("no worker is answering"),
    _("the disk of DATA_DIR is full: make room"),
    _("The interpreter process does not answer."),
    _("The code interpreter refuses INTERPRETER_TOKEN."),
    _("The code interpreter's certificate is refused ({reason})."),
    # Why code cannot run.
    _("No Python session can be started (tried {seconds} s ago): {reason}"),
    _("bubblewrap is missing. Install it: apt-get install bubblewrap."),
    _("The sandbox needs Linux, and this is {system}. In a container it works: docker compose up."),
    _("There is no Python for the sandbox at {path}. `make run` builds it."),
    # The walls around code.
    _("Files of this machine are not there; programs and libraries are read-only."),
    _("No variable of this machine's environment, so no key."),
    _("Only the sandbox's own processes can be seen or signalled."),
    _("No socket of any kind but Unix ones, and none of those leads out."),
    _("Calls that trace, mount, make namespaces or load programs into the kernel do not exist."),
    _("An ordinary user without capabilities, who cannot gain any."),
    _("Memory, processes, open files and the size of a file are limited."),
    _("Outside the sandbox the code's user is the server's, which is not root."),
    _("Outside the sandbox the code's user is number {uid}, who owns nothing else."),
    _("What is fetched from a session is a plain file of its own, links lead nowhere."),
    _("Memory, disk and processor time are watched; a sandbox that passes a limit ends."),
    _("Each sandbox is ended as a whole by the kernel itself, which limits its {what}."),
    _(
        "Not on this machine: memory of all processes together is watched, which takes a moment ({reason})."
    ),
    _("memory, processes, processor time"),
    _("{path} has no control of {what}"),
    _("cgroup v2 is not mounted here"),
    # Models.
    _("demo - scripted, no AI"),
    _("Demo"),
)
