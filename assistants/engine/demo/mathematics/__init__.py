"""Mathematics as far as school goes: read from sentences, written as code, LaTeX and pictures."""
