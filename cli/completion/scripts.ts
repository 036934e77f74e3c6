/**
 * The scripts that make shells ask `loghive __complete`, which reads the command line up to the cursor from stdin: it may
 * hold a password, which must not appear in the list of processes. Nothing of a reply is executed or expanded.
 *
 * Not by a package: the script for bash of @bomb.sh/tab executes what is in the command line, needs the package
 * bash-completion, and cannot complete within quotes.
 */
import type { Shell } from './shell-line.js';

export const SCRIPTS: Readonly<Record<Shell, string>> = {
  // -o nospace: a space follows only whole words, and is part of the candidate. bash 3.2 has no compopt.
  bash: `# bash completion for loghive
_loghive() {
  local kind='' line
  COMPREPLY=()
  {
    IFS= read -r kind
    while IFS= read -r line; do COMPREPLY+=("$line"); done
  } < <(
    printf '%s' "\${COMP_LINE:0:COMP_POINT}" |
      loghive __complete bash "--breaks=$COMP_WORDBREAKS" "--type=$COMP_TYPE" 2>/dev/null
  )
  case $kind in
    files) compopt -o default +o nospace 2>/dev/null ;;
    directories) compopt -o dirnames +o nospace 2>/dev/null ;;
  esac
}
complete -o nospace -F _loghive loghive
`,
  zsh: `#compdef loghive
# zsh completion for loghive
_loghive() {
  local kind word state shown tab=$'\\t'
  local -a whole whole_shown open open_shown
  {
    IFS= read -r kind
    while IFS=$tab read -r word state shown; do
      shown=\${shown[1,COLUMNS-1]}
      if [[ $state == open ]]; then
        open+=("$word") open_shown+=("$shown")
      else
        whole+=("$word") whole_shown+=("$shown")
      fi
    done
  } < <(
    print -rn -- "\${(j: :)words[1,CURRENT-1]} $IPREFIX$QIPREFIX$PREFIX" |
      loghive __complete zsh 2>/dev/null
  )
  case $kind in
    files) [[ $PREFIX == -*=* ]] && compset -P '*='; _files; return ;;
    directories) [[ $PREFIX == -*=* ]] && compset -P '*='; _files -/; return ;;
  esac
  local found=1
  compadd -l -V loghive -d whole_shown -a -- whole && found=0
  compadd -l -V loghive-open -S '' -d open_shown -a -- open && found=0
  return found
}
if [[ \${funcstack[1]} == _loghive ]]; then
  _loghive "$@"
else
  compdef _loghive loghive
fi
`,
  fish: `# fish completion for loghive
function __loghive_complete
    set -l reply (printf '%s' (commandline -cp | string collect) | loghive __complete fish 2>/dev/null)
    switch "$reply[1]"
        case files
            __fish_complete_path (commandline -ct)
        case directories
            __fish_complete_directories (commandline -ct)
        case candidates
            if set -q reply[2]
                printf '%s\\n' $reply[2..-1]
            end
    end
end
complete -c loghive -f -k -a '(__loghive_complete)'
`,
};
