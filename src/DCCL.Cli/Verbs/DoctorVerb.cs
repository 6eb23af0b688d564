using System.CommandLine;
using System.Text.Json.Nodes;
using DCCL.Cli.Diagnosis;

namespace DCCL.Cli.Verbs;

/// <summary><c>dccl doctor</c>: whether this machine has what is needed.</summary>
internal static class DoctorVerb
{
    public static Command Create(ToolConsole console)
    {
        Option<bool> json = VerbOptions.Json();
        Command command = new("doctor", "Looks for what training and scoring need on this machine, and says how to get what is missing. Ends with 1 if something is.") { json };
        command.SetAction(parsed =>
        {
            Finding[] findings = [.. MachineChecks.Run()];
            if (parsed.GetValue(json))
            {
                console.WriteJson(new JsonObject
                {
                    ["findings"] = new JsonArray([.. findings.Select(finding => new JsonObject
                    {
                        ["name"] = finding.Name,
                        ["severity"] = finding.Severity.ToString().ToLowerInvariant(),
                        ["found"] = finding.Found,
                        ["fix"] = finding.Fix,
                    })]),
                });
            }
            else
            {
                int width = findings.Max(finding => finding.Name.Length);
                foreach (Finding finding in findings)
                {
                    console.WriteLine($"{Mark(finding.Severity)}  {finding.Name.PadRight(width)}  {finding.Found}");
                    if (finding.Fix is not null)
                    {
                        console.WriteLine($"      {new string(' ', width)}  {finding.Fix}");
                    }
                }
            }

            return findings.Any(finding => finding.Severity == Severity.Fault) ? ExitCode.Environment : ExitCode.Success;
        });
        return command;
    }

    private static string Mark(Severity severity) => severity switch
    {
        Severity.Fine => "ok  ",
        Severity.Warning => "note",
        _ => "FAIL",
    };
}
