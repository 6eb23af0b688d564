using System.CommandLine;
using DCCL.Benchmarks.Evidence;
using DCCL.Benchmarks.Personalize;

namespace DCCL.Benchmarks;

/// <summary>Measures. Each verb is a file of its own and ends with one line of JSON.</summary>
internal static class Program
{
    private const int BadInput = 2;

    public static int Main(string[] args)
    {
        RootCommand command = new("Measures how fast DCCL is. Each verb ends with one line of JSON.")
        {
            TrainingBenchmark.CreateCommand(),
            BulkScoringBenchmark.CreateCommand(),
            DeviceBenchmark.CreateCommand(),
            ExampleModel.CreateCommand(),
            EvidenceBenchmark.CreateCommand(),
            PersonalizeBenchmark.CreateCommand(),
        };
        ParseResult parsed = command.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            return Fail($"{parsed.Errors[0].Message.TrimEnd('.')}. Run with --help for the verbs and options.");
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidDataException or IOException)
        {
            return Fail(exception.Message);
        }
    }

    private static int Fail(string message)
    {
        Console.Error.WriteLine($"error: {message}");
        return BadInput;
    }
}
