/**
 * The completion script for bash. That of @bomb.sh/tab fails when it is sourced
 * twice, completes no value after `--flag=`, needs the package bash-completion,
 * and runs what is typed between `$(` and `)`.
 *
 * @module
 */

/**
 * The script, for bash 3.2 and later. It asks `NAME complete -- WORDS`, whose
 * last line is `:0` where the shell is to complete the names of files.
 */
export function bashScript(name: string): string {
  return SCRIPT.replaceAll("@{", "${").replaceAll("NAME", name);
}

// "@{" stands for "${".
const SCRIPT = String.raw`# bash completion for NAME

__NAME_complete() {
    local line=@{COMP_LINE:0:COMP_POINT} words=() i at=0 blank word last
    # Bash breaks words at = and : too; what has no blank before it goes on.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        blank=@{line:at}
        blank=@{blank%%[![:space:]]*}
        at=$((at + @{#blank}))
        word=@{COMP_WORDS[i]}
        if ((i == COMP_CWORD)); then word=@{line:at}; fi
        at=$((at + @{#word}))
        last=$((@{#words[@]} - 1))
        if ((i > 0)) && [[ -z $blank ]]; then
            words[last]+=$word
        else
            words+=("$word")
        fi
    done

    local current=@{words[@{#words[@]} - 1]} prefix="" kept="" answer value
    # Bash keeps what stands before the last of the characters that break words.
    for value in = :; do
        if [[ $COMP_WORDBREAKS == *"$value"* && $current == *"$value"* ]]; then
            word=@{current%"$value"*}$value
            if ((@{#word} > @{#kept})); then kept=$word; fi
        fi
    done
    # Of a flag, the answer has the values alone.
    if [[ $current == -*=* ]]; then prefix=@{current%%=*}=; fi

    COMPREPLY=()
    answer=$("$1" complete -- "@{words[@]:1}" 2>/dev/null)
    while IFS=$'\t' read -r value _; do
        case $value in
        :0) ;;
        :*) compopt +o default 2>/dev/null ;;
        ?*)
            value=$prefix$value
            COMPREPLY+=("@{value#"$kept"}")
            ;;
        esac
    done <<<"$answer"
}

# Where the answer has no words, bash completes the names of files.
complete -o default -F __NAME_complete NAME
`;
