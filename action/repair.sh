#!/usr/bin/env bash
# The step of action.yml that runs `repair`. It has no token, takes its inputs as variables, and is
# started outside of the workspace: what lies there is the repository's, and not trusted.
set -uo pipefail
unset GITHUB_TOKEN GH_TOKEN "${!ACTIONS_@}" "${!PYTHON@}"

# The runner takes commands out of what a step prints. One stream, since it reads two in no order.
exec 2>&1
stop=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
echo "::stop-commands::$stop"
trap 'echo "::$stop::"' EXIT

folder=$(mktemp -d "$RUNNER_TEMP/repair-result.XXXXXXXXXX") || exit 3
result=$folder/result.json
arguments=()
while IFS= read -r line; do
    [ -n "$line" ] && arguments+=("$line")
done <<<"${INPUT_ARGUMENTS:-}"
# Never an option, nor the name of a command of `repair`.
case $INPUT_PATH in /*) target=$INPUT_PATH ;; *) target=./$INPUT_PATH ;; esac

(
    cd -- "$GITHUB_WORKSPACE" || exit 3
    exec "$REPAIR_PYTHON" -I -m cli.main "$target" "${arguments[@]}" \
        --root "$GITHUB_WORKSPACE" --max-seconds "$INPUT_MAX_SECONDS" --output "$folder/patch.diff" \
        --sarif "$folder/repair.sarif" --json --verbose >"$result"
)
code=$?

if ! "$REPAIR_PYTHON" -I -m cli.main show "$result" >"$folder/report.txt"; then
    cp "$result" "$folder/report.txt"
fi
status=$("$REPAIR_PYTHON" -I -c '
import json, re, sys
document = json.load(open(sys.argv[1], encoding="utf-8"))
print(re.fullmatch("[a-z_]+", document.get("status") or document["result"]["status"])[0])
' "$result" 2>/dev/null) || status=failed
case $status in
repaired | repaired_in_part | plausible) ;;
*) rm -f "$folder/patch.diff" ;; # one that no verdict confirmed is in result.json alone
esac

{
    echo "exit-code=$code"
    echo "status=$status"
    echo "folder=$folder"
    echo "artifact=repair-${GITHUB_JOB:-job}-${folder##*.}"
    if [ -s "$folder/patch.diff" ]; then echo "patch=$folder/patch.diff"; else echo "patch="; fi
    if [ -s "$folder/repair.sarif" ]; then echo "sarif=$folder/repair.sarif"; else echo "sarif="; fi
} >>"$GITHUB_OUTPUT"
# Indented, so that nothing in it is Markdown.
{ printf '### Repair: %s\n\n' "$status"; head -c 60000 "$folder/report.txt" | sed 's/^/    /'; } \
    >>"$GITHUB_STEP_SUMMARY"

# An ordinary end is for the outputs to tell; only what does not work here, or bad input, is an error.
case $code in 2 | 3 | 130) exit "$code" ;; *) exit 0 ;; esac
