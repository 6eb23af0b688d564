using System.CommandLine;
using System.CommandLine.Help;
using DCCL.Cli.Logs;
using DCCL.Cli.Models;
using DCCL.Cli.Verbs;
using DCCL.Trainers;

namespace DCCL.Cli;

/// <summary>The command line: which verb, and what becomes of its faults.</summary>
internal static class Tool
{
    private const string Description = """
        Takes a log of events to a recommender that runs in an app: trains a model, a patch for every user, distils the patches back, evaluates, exports, and writes the code.

        Exit codes: 0 done; 1 the machine lacks something; 2 bad options or data; 3 cannot write, or exists; 4 a model is missing, damaged or does not fit; 70 a fault of the tool; 130 interrupted before there was anything to keep.
        """;

    /// <summary>Runs the verb that the arguments name.</summary>
    /// <returns>The exit code; <see cref="ExitCode"/> says what they mean.</returns>
    public static int Run(string[] args, ToolConsole console, CancellationToken cancellation)
    {
        RootCommand root = CreateCommand(console, cancellation);
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            return Fail(console, ExitCode.BadInput, Describe(parsed, root));
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null, // Program has its own, which lets a training keep its best epoch
                Output = console.Output.Profile.Out.Writer,
                Error = console.Error.Profile.Out.Writer,
            });
        }
        catch (ToolException exception)
        {
            return Fail(console, exception.ExitCode, exception.Message);
        }
        catch (CheckpointException exception)
        {
            return Fail(console, ExitCode.BadModel, exception.Message);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return Fail(console, ExitCode.Cancelled, "Interrupted before there was anything to keep.");
        }
        catch (DllNotFoundException exception)
        {
            return Fail(console, ExitCode.Environment, $"{exception.Message} 'dccl doctor' says more.");
        }
        catch (Exception exception) when (exception is OutOfMemoryException or InsufficientMemoryException)
        {
            return Fail(console, ExitCode.Environment, "There must be enough memory, but there is not. Take a shorter log, or a machine with more.");
        }
        catch (IOException exception) when (OutputFile.IsDiskFull(exception))
        {
            return Fail(console, ExitCode.Output, OutputFile.DescribeFullDisk(exception));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Fail(console, ExitCode.Output, $"{exception.Message} Check that the path exists, and that you may write there.");
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidDataException or InvalidOperationException)
        {
            return Fail(console, ExitCode.BadInput, exception.Message);
        }
        catch (Exception exception) when (Environment.GetEnvironmentVariable("DCCL_DEBUG") is null)
        {
            return Fail(console, ExitCode.Fault, $"{exception.GetType().Name}: {exception.Message} This is a fault of dccl; DCCL_DEBUG=1 shows where.");
        }
    }

    private static RootCommand CreateCommand(ToolConsole console, CancellationToken cancellation)
    {
        RootCommand root = new(Description)
        {
            TrainVerb.Create(console, cancellation),
            EvaluateVerb.Create(console, cancellation),
            ReportVerb.Create(console, cancellation),
            PersonalizeVerb.Create(console, cancellation),
            DistillVerb.Create(console, cancellation),
            RecommendVerb.Create(console, cancellation),
            ExportVerb.Create(console, cancellation),
            InspectVerb.Create(console),
            DoctorVerb.Create(console),
            CompletionVerb.Create(console),
        };

        // Completion would offer these names of --help before all others.
        foreach (HelpOption help in root.Options.OfType<HelpOption>())
        {
            help.Aliases.Remove("/?");
            help.Aliases.Remove("/h");
        }

        return root;
    }

    // A word in place of a verb is a verb misspelt.
    private static string Describe(ParseResult parsed, RootCommand root)
    {
        Command command = parsed.CommandResult.Command;
        if (command == root && parsed.UnmatchedTokens.Count > 0)
        {
            string word = parsed.UnmatchedTokens[0];
            bool isOption = word.StartsWith('-');
            string? nearest = ColumnNames.FindNearest(word, isOption ? root.Options.Select(option => option.Name) : root.Subcommands.Select(verb => verb.Name));
            return $"'{word}' is not {(isOption ? "an option" : "a command")}. {(nearest is null ? "'dccl --help' lists what there is." : $"Did you mean '{nearest}'?")}";
        }

        return $"{parsed.Errors[0].Message.TrimEnd('.')}. 'dccl{(command == root ? "" : $" {command.Name}")} --help' lists what there is.";
    }

    private static int Fail(ToolConsole console, int exitCode, string message)
    {
        string line = string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        try
        {
            console.Note($"error: {line}");
        }
        catch (IOException)
        {
            // Whoever does not let it be said has the exit code.
        }

        return exitCode;
    }
}
