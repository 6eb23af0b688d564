using System.CommandLine;
using System.Diagnostics;
using Microsoft.ML;

namespace QuickStart;

/// <summary>From a log of events to a model, a patch for every user, and a better model, with the figures of each stage.</summary>
internal static class Program
{
    private const int BadInput = 2;
    private const int Cancelled = 130;

    public static async Task<int> Main(string[] args)
    {
        // Training is long work without an await: on its own thread, Ctrl+C still gets through.
        RootCommand command = QuickStartOptions.CreateCommand((options, cancellation) => Task.Run(() => Run(options, cancellation)));
        ParseResult parsed = command.Parse(args);
        return parsed.Errors.Count == 0
            ? await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false })
            : Fail(BadInput, $"{parsed.Errors[0].Message.TrimEnd('.')}. Run with --help for the options.");
    }

    private static int Run(QuickStartOptions options, CancellationToken cancellation)
    {
        try
        {
            options.Validate();
            Stopwatch watch = Stopwatch.StartNew();
            MLContext ml = new(options.Seed);
            EventData data = EventData.Load(ml, options);
            Periods periods = Periods.Split(ml, data, options.Split);
            Report.PrintData(data, periods);

            using StageProgress progress = new();
            IReadOnlyList<StageResult> stages = new Stages(ml, options, data, periods, progress, cancellation).Run();
            progress.Dispose();
            Report.PrintStages(stages, data.HasLabels, watch.Elapsed);
            if (options.JsonFile is not null)
            {
                JsonFile.Write(options.JsonFile, data.Name, options, watch.Elapsed, stages);
            }

            return 0;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return Fail(Cancelled, "Cancelled.");
        }
        catch (DllNotFoundException exception)
        {
            return Fail(1, exception.Message);
        }
        catch (Exception exception) when (
            exception is ArgumentException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return Fail(BadInput, exception.Message);
        }
    }

    private static int Fail(int exitCode, string message)
    {
        string line = string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        Console.Error.WriteLine($"error: {line}");
        return exitCode;
    }
}
