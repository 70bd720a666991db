# Sources MWAA's startup script and writes down the environment it leaves behind. Run by mwaa_local/startup/run.py:
#
#     bash startup_wrapper.sh SCRIPT ENVIRONMENT_FILE DEATH_FILE FAILURES_FILE
#
# ENVIRONMENT_FILE gets the exported variables, each ended by NUL; on MWAA a missing one stops the container.
# DEATH_FILE gets, each ended by NUL, what is known about a shell that ended: exit code, shell options, the last
# place where a command failed, and the line in SCRIPT from which a function was called. It is for the error message
# only. FAILURES_FILE gets four such fields for each command in SCRIPT itself that failed and that nothing asks about:
# its line, its exit code, the lines from which the functions around it were called, and its words. Names begin with
# __mwaa_local_ so that they can be told from the script's own.

shopt -s expand_aliases

__mwaa_local_script=$1
__mwaa_local_environment=$2
__mwaa_local_death=$3
__mwaa_local_failures=${4-}
__mwaa_local_failed=
set --

# >| because the script may have set noclobber; a full path because it may have changed PATH.
__mwaa_local_save() {
    /usr/bin/env -0 >|"$__mwaa_local_environment"
}

__mwaa_local_exit() {
    local __mwaa_local_code=$?
    __mwaa_local_save
    builtin exit "${@-$__mwaa_local_code}"
}

__mwaa_local_die() {
    local __mwaa_local_code=$1 __mwaa_local_call= __mwaa_local_i
    for ((__mwaa_local_i = 1; __mwaa_local_i < ${#BASH_SOURCE[@]} - 1; __mwaa_local_i++)); do
        if [[ ${FUNCNAME[__mwaa_local_i]} != source && ${BASH_SOURCE[__mwaa_local_i + 1]} == "$__mwaa_local_script" ]]; then
            __mwaa_local_call=${BASH_LINENO[__mwaa_local_i]}
            builtin break
        fi
    done
    builtin printf '%s\0' "$__mwaa_local_code" "$-" "$__mwaa_local_failed" "$__mwaa_local_call" >|"$__mwaa_local_death"
}

# An alias and not a function: it must hold inside the script's functions, `if`s and `||` lists, in subshells too, yet
# not in the programs that the script starts.
alias exit=__mwaa_local_exit

# Not for subshells, of which the script sees one end, nor for files that the script sources, which are not its own.
__mwaa_local_note() {
    __mwaa_local_failed="${BASH_SOURCE[1]-}:$1"
    if [[ $__mwaa_local_failures && $BASH_SUBSHELL == 0 && ${BASH_SOURCE[1]-} == "$__mwaa_local_script" ]]; then
        builtin printf '%s\0' "$1" "$__mwaa_local_code" "${BASH_LINENO[*]:1}" "$2" >>"$__mwaa_local_failures"
    fi
}

# Neither trap changes how the script runs: bash keeps $? and PIPESTATUS over a trap, and the last command of the
# first one puts $_ back. It is not run for what stands in `if`, `while`, `!`, `&&` and `||`. A script that sets its own
# traps replaces these and loses only detail in the message. On one line, since bash counts those of a trap.
trap '__mwaa_local_code=$? __mwaa_local_arg=$_; __mwaa_local_note "$LINENO" "$BASH_COMMAND"; : "$__mwaa_local_arg"' ERR
trap '__mwaa_local_die "$?"' EXIT

# So that functions have the trap, too; but then they would have one of the script's own as well.
if [[ $(<"$__mwaa_local_script") != *trap* ]]; then
    set -E
fi

# Bare, since `||` or `if` around it would switch off a `set -e` inside the script.
source "$__mwaa_local_script"
__mwaa_local_exit
