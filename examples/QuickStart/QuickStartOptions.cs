using System.CommandLine;

namespace QuickStart;

/// <summary>What the command line asks for.</summary>
internal sealed record QuickStartOptions
{
    public const string PeriodsSplit = "periods";
    public const string LeaveLastOutSplit = "leave-last-out";

    public const string DinBackbone = "din";
    public const string SasRecBackbone = "sasrec";

    /// <summary>Gets the path of the log; null for the built-in data.</summary>
    public string? DataFile { get; init; }

    public string? UserFile { get; init; }

    public string Split { get; init; } = PeriodsSplit;

    public string Backbone { get; init; } = DinBackbone;

    /// <summary>Gets the smallest positive rating; null if every event is positive.</summary>
    public double? PositiveRating { get; init; }

    public int Seed { get; init; } = 1;

    public int NumberOfThreads { get; init; }

    public bool IsQuick { get; init; }

    public string? JsonFile { get; init; }

    public static RootCommand CreateCommand(Func<QuickStartOptions, CancellationToken, Task<int>> run)
    {
        Option<string?> data = new("--data")
        {
            HelpName = "FILE",
            Description = "A log of events, such as MovieLens' u.data or ratings.csv: user, item, [rating,] time, separated by tab, comma, "
                + "semicolon or bar; with a header in any order. Without it the built-in data are used.",
        };
        Option<string?> users = new("--users")
        {
            HelpName = "FILE",
            Description = "What is known of the users, such as MovieLens' u.user: id|age|gender|occupation|zip.",
        };
        Option<string> split = new("--split")
        {
            HelpName = $"{PeriodsSplit}|{LeaveLastOutSplit}",
            Description = "Test on the last period, after the cloud's and the devices' (70/20/10 % of the events), or on each user's last "
                + "event.",
            DefaultValueFactory = _ => PeriodsSplit,
        };
        split.AcceptOnlyFromAmong(PeriodsSplit, LeaveLastOutSplit);
        Option<string> backbone = new("--backbone")
        {
            HelpName = $"{DinBackbone}|{SasRecBackbone}",
            Description = "The cloud model: a Deep Interest Network, or a SASRec.",
            DefaultValueFactory = _ => DinBackbone,
        };
        backbone.AcceptOnlyFromAmong(DinBackbone, SasRecBackbone);
        Option<double?> positiveRating = new("--positive-rating")
        {
            HelpName = "N",
            Description = "Events rated at least N are positive, all others were shown and refused. Without it every event is positive and "
                + "negatives are sampled. The built-in data get labels, whatever N.",
        };
        Option<int> seed = new("--seed") { HelpName = "N", Description = "The seed of all random numbers.", DefaultValueFactory = _ => 1 };
        Option<int> threads = new("--threads") { HelpName = "N", Description = "The number of threads; 0 for one per processor." };
        Option<bool> quick = new("--quick")
        {
            Description = "About a minute: few epochs, and figures from a sample of users where there are many.",
        };
        Option<string?> json = new("--json") { HelpName = "FILE", Description = "Also write the figures to a file, as JSON." };

        RootCommand command = new(
            "Trains a model in the cloud, a patch for every user, and distils the patches back; prints how good each stage is.")
        {
            data, users, split, backbone, positiveRating, seed, threads, quick, json,
        };
        command.SetAction((parsed, cancellation) => run(
            new QuickStartOptions
            {
                DataFile = parsed.GetValue(data),
                UserFile = parsed.GetValue(users),
                Split = parsed.GetValue(split)!,
                Backbone = parsed.GetValue(backbone)!,
                PositiveRating = parsed.GetValue(positiveRating),
                Seed = parsed.GetValue(seed),
                NumberOfThreads = parsed.GetValue(threads),
                IsQuick = parsed.GetValue(quick),
                JsonFile = parsed.GetValue(json),
            },
            cancellation));
        return command;
    }

    /// <summary>Finds faults before the long work begins, that of the last step included.</summary>
    public void Validate()
    {
        if (UserFile is not null && DataFile is null)
        {
            throw new InvalidDataException("--users needs --data: the built-in data have profiles of their own.");
        }

        if (PositiveRating is double rating && !double.IsFinite(rating))
        {
            throw new InvalidDataException($"--positive-rating must be a number such as 4, but is {rating}.");
        }

        if (NumberOfThreads < 0)
        {
            throw new InvalidDataException($"--threads must be at least 0, but is {NumberOfThreads}.");
        }

        if (JsonFile is not null && Path.GetDirectoryName(Path.GetFullPath(JsonFile)) is string directory && !Directory.Exists(directory))
        {
            throw new InvalidDataException($"The folder '{directory}' of --json does not exist. Create it first.");
        }
    }
}
