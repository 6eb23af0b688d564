using System.CommandLine;

namespace DCCL.Benchmarks.Evidence;

/// <summary>The verb evidence: all methods on one log, compared by one evaluator, with a report.</summary>
internal static class EvidenceBenchmark
{
    private const int Cancelled = 130;

    public static Command CreateCommand()
    {
        Option<string?> data = new("--data")
        {
            HelpName = "FILE",
            Description = "A log: user, item, [rating,] time. Without it the built-in data are used.",
        };
        Option<string?> users = new("--users") { HelpName = "FILE", Description = "What is known of the users: id|age|gender|occupation|zip." };
        Option<double?> rating = new("--positive-rating")
        {
            HelpName = "N",
            Description = "Click prediction: events rated at least N are positive, the others were shown and refused. The built-in data get labels.",
        };
        Option<double?> planted = new("--planted")
        {
            HelpName = "N",
            Description = "The built-in data: the standard deviation of what a person's own liking adds to a logit. 1.5; 0 plants nothing personal.",
        };
        Option<int?> seeds = new("--seeds") { HelpName = "N", Description = "How often everything is trained. 5, with --quick 1." };
        Option<string> backbone = Among("--backbone", "The cloud model.", EvidenceOptions.Din, EvidenceOptions.SasRec);
        Option<string> protocol = Among(
            "--protocol",
            "Cloud, device and test period; or each user's last event; or users of whom the cloud model knows nothing.",
            EvidenceOptions.Periods, EvidenceOptions.LeaveLastOut, EvidenceOptions.SupportQuery);
        Option<int> folds = new("--folds") { HelpName = "N", Description = "Folds of support-query.", DefaultValueFactory = _ => 5 };
        Option<int> tuned = new("--tuned-users")
        {
            HelpName = "N",
            Description = "How many users are fine-tuned one by one at most.",
            DefaultValueFactory = _ => new EvidenceOptions().MaximumNumberOfTunedUsers,
        };
        Option<int> threads = new("--threads")
        {
            HelpName = "N",
            Description = "The number of threads.",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        Option<bool> quick = new("--quick") { Description = "A try: 150 users, few epochs, one seed." };
        Option<string?> only = new("--only") { HelpName = "NAME,...", Description = "The methods to compare. All without it." };
        Option<string> folder = new("--out") { HelpName = "FOLDER", Description = "Where the report goes.", DefaultValueFactory = _ => "report" };
        Option<string?> again = new("--again")
        {
            HelpName = "FILE",
            Description = "Runs a manifest.json again, with its options, and says whether the figures are the same bit for bit.",
        };
        Command command = new("evidence", "Compares DCCL's stages with baselines on one log and writes report.html, report.json and manifest.json.")
        {
            data, users, rating, planted, seeds, backbone, protocol, folds, tuned, threads, quick, only, folder, again,
        };
        command.SetAction((parsed, cancellation) =>
        {
            EvidenceOptions options = new()
            {
                DataFile = parsed.GetValue(data),
                UserFile = parsed.GetValue(users),
                PositiveRating = parsed.GetValue(rating),
                PlantedStrength = parsed.GetValue(planted),
                NumberOfSeeds = parsed.GetValue(seeds) ?? (parsed.GetValue(quick) ? 1 : 5),
                Backbone = parsed.GetValue(backbone)!,
                Protocol = parsed.GetValue(protocol)!,
                NumberOfFolds = parsed.GetValue(folds),
                MaximumNumberOfTunedUsers = parsed.GetValue(tuned),
                NumberOfThreads = parsed.GetValue(threads),
                IsQuick = parsed.GetValue(quick),
                Only = parsed.GetValue(only)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [],
            };
            EvidenceManifest? earlier = parsed.GetValue(again) is string path ? EvidenceManifest.Read(path) : null;

            // Of a manifest the options count, not this command's; only the log may lie elsewhere now.
            options = earlier is null
                ? options
                : earlier.Options with { DataFile = options.DataFile ?? earlier.Options.DataFile, UserFile = options.UserFile ?? earlier.Options.UserFile };
            return Task.Run(() => Run(options, parsed.GetValue(folder)!, earlier, cancellation));
        });
        return command;
    }

    private static int Run(EvidenceOptions options, string folder, EvidenceManifest? earlier, CancellationToken cancellation)
    {
        try
        {
            return new EvidenceRun(options, folder, earlier, cancellation).Run();
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            Console.Error.WriteLine("Cancelled. The same command goes on where this one was.");
            return Cancelled;
        }
    }

    private static Option<string> Among(string name, string description, params string[] values)
    {
        Option<string> option = new(name)
        {
            HelpName = string.Join('|', values),
            Description = description,
            DefaultValueFactory = _ => values[0],
        };
        option.AcceptOnlyFromAmong(values);
        return option;
    }
}
