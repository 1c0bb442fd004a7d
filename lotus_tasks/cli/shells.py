"""What each shell is given to complete with: click's protocol, for `./manage.py`, `python manage.py` and a name of one's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

VARIABLE = "_MANAGE_PY_COMPLETE"
NAMES = ("bash", "zsh", "fish")

_BASH = """\
# `$1` is asked itself. A manage.py that is not LOTUS's is left alone: many projects have one.
_lotus_complete() {
    local IFS=$'\\n' type value answer
    COMPREPLY=()
    answer=$(env LOTUS_COMPLETED="$1" COMP_LINE="${COMP_LINE:0:$COMP_POINT}" %(complete_var)s=bash_complete "${@:2}" 2>/dev/null)
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done <<< "$answer"
}

_lotus_complete_command() { _lotus_complete "$1" "$1"; }

_lotus_complete_python() {
    local script="${COMP_WORDS[1]}"
    if [[ $COMP_CWORD -gt 1 && ${script##*/} == manage.py && -d "${script%%manage.py}./lotus_tasks" ]]; then
        _lotus_complete "$script" "$1" "$script"
    elif declare -F _python > /dev/null; then
        _python "$@"
    fi
}

complete -o nosort -F _lotus_complete_command manage.py %(prog_name)s
complete -o bashdefault -o default -F _lotus_complete_python python python3
"""

_ZSH = """\
#compdef manage.py %(prog_name)s

# zsh completes `python manage.py` by this, too: its own _python hands over to the script's completion.
_lotus_complete() {
    local -a plain described response
    local type key descr command="${words[1]}"
    [[ $command == */* ]] || (( $+commands[$command] )) || command="./$command"
    [[ ${command:t} != manage.py || -d "${${command:A}:h}/lotus_tasks" ]] || return 1
    local -x COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1))
    response=("${(@f)$(env %(complete_var)s=zsh_complete $command 2>/dev/null)}")
    for type key descr in ${response}; do
        case $type in
            plain) if [[ $descr == _ ]]; then plain+=("$key"); else described+=("${key//:/\\\\:}:$descr"); fi ;;
            dir) _path_files -/ ;;
            file) _path_files -f ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#plain )) && compadd -U -V unsorted -a plain
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _lotus_complete "$@"
else
    compdef _lotus_complete manage.py %(prog_name)s
fi
"""

_FISH = """\
function _lotus_is_python;
    set -l words (commandline -opc);
    test (count $words) -gt 1; or return 1;
    string match -q -r '(^|/)manage\\.py$' -- $words[2]; and test -d (dirname $words[2])/lotus_tasks;
end;

function _lotus_complete;
    set -l words (commandline -opc);
    set -l run $words[1];
    if string match -q -r '(^|/)python[0-9.]*$' -- $run;
        set run $words[1] $words[2];
    end;
    for line in (env COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -t) %(complete_var)s=fish_complete $run 2>/dev/null);
        set -l found (string split -m 1 "," $line);
        switch $found[1];
            case dir; __fish_complete_directories (commandline -t);
            case file; __fish_complete_path (commandline -t);
            case plain; echo $found[2];
        end;
    end;
end;

complete --no-files --command manage.py --arguments "(_lotus_complete)";
complete --no-files --command %(prog_name)s --arguments "(_lotus_complete)";
complete --no-files --command python --condition _lotus_is_python --arguments "(_lotus_complete)";
complete --no-files --command python3 --condition _lotus_is_python --arguments "(_lotus_complete)";
"""


class Bash(BashComplete):
    """Reads the line itself: bash's own words are cut at every colon and equals sign."""

    source_template: ClassVar[str] = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """What stands before the word that is completed, and what of it there is."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        command = os.environ.get("LOTUS_COMPLETED", "")
        words = words[words.index(command) + 1 if command in words else 1 :]
        begun = words.pop() if words and not line.endswith((" ", "\t")) else ""
        self._cut = len(begun.rpartition(":")[0]) + 1 if ":" in begun else 0
        return words, begun

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Without what stands before the last colon: bash completes what follows it."""
        return f"{item.type},{item.value[self._cut :]}"


class Zsh(ZshComplete):
    """Click's, asked for by the name that was typed."""

    source_template: ClassVar[str] = _ZSH


class Fish(FishComplete):
    """Click's; of `python manage.py` the first word is Python's."""

    source_template: ClassVar[str] = _FISH

    def get_completion_args(self) -> tuple[list[str], str]:
        """What stands before the word that is completed, and what of it there is."""
        args, begun = super().get_completion_args()
        is_python = os.environ["COMP_WORDS"].split(" ", 1)[0].rpartition("/")[2].startswith("python")
        return (args[1:] if is_python else args), begun


_CLASSES: Mapping[str, type[ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def register() -> None:
    """From here on click answers in these shells' forms."""
    for shell in _CLASSES.values():
        add_completion_class(shell)


def script(shell: str, name: str) -> str:
    """The completion script of a shell in NAMES, for manage.py and the command ``name``."""
    import click

    return _CLASSES[shell](click.Command("manage.py"), {}, name, VARIABLE).source()
