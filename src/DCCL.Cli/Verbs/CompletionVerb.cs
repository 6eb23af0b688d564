using System.CommandLine;
using System.Text.Json.Nodes;

namespace DCCL.Cli.Verbs;

/// <summary><c>dccl completion</c>: what a shell needs to complete verbs and options.</summary>
internal static class CompletionVerb
{
    // Each asks the tool itself, by System.CommandLine's directive.
    private static readonly Dictionary<string, string> _scripts = new()
    {
        ["bash"] = """
            _dccl() {
                local IFS=$'\n'
                COMPREPLY=($(compgen -W "$(dccl "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
            }
            complete -o default -F _dccl dccl
            """,
        ["zsh"] = """
            _dccl() {
                local -a words_found
                words_found=("${(@f)$(dccl "[suggest:$CURSOR]" "$BUFFER" 2>/dev/null)}")
                compadd -a words_found
                _files
            }
            compdef _dccl dccl
            """,
        ["pwsh"] = """
            Register-ArgumentCompleter -Native -CommandName dccl -ScriptBlock {
                param($word, $command, $position)
                dccl "[suggest:$position]" "$command" 2>$null | Where-Object { $_ -like "$word*" } |
                    ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
            }
            """,
    };

    public static Command Create(ToolConsole console)
    {
        Argument<string> shell = new("SHELL") { HelpName = "bash|zsh|pwsh", Description = "The shell." };
        shell.AcceptOnlyFromAmong([.. _scripts.Keys]);
        Option<bool> json = VerbOptions.Json();
        Command command = new("completion", "Prints what a shell needs to complete verbs and options, such as: source <(dccl completion bash)") { shell, json };
        command.SetAction(parsed =>
        {
            string name = parsed.GetValue(shell)!;
            if (parsed.GetValue(json))
            {
                console.WriteJson(new JsonObject { ["shell"] = name, ["script"] = _scripts[name] });
            }
            else
            {
                console.WriteVerbatim(_scripts[name]);
            }

            return ExitCode.Success;
        });
        return command;
    }
}
