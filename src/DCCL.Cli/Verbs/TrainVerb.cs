using System.CommandLine;
using DCCL.Cli.Generation;
using DCCL.Cli.Logs;
using DCCL.Cli.Training;

namespace DCCL.Cli.Verbs;

/// <summary><c>dccl train</c>: from a log to a model and the code that uses it.</summary>
internal static class TrainVerb
{
    public static Command Create(ToolConsole console, CancellationToken cancellation)
    {
        Option<string> data = new("--data", "-d") { HelpName = "FILE", Description = "The log: one event a line, with who and what, and perhaps when and how much it was liked.", Required = true };
        Dictionary<ColumnRole, Option<string?>> columns = new()
        {
            [ColumnRole.User] = new("--user") { HelpName = "COLUMN", Description = "The column that says who: a name, or a number from 1." },
            [ColumnRole.Item] = new("--item") { HelpName = "COLUMN", Description = "The column that says what." },
            [ColumnRole.Time] = new("--time") { HelpName = "COLUMN", Description = "The column that says when, a number or a date. Without one the order of the rows counts." },
            [ColumnRole.Rating] = new("--rating") { HelpName = "COLUMN", Description = "The column of ratings, if low ones are to count as refused. Otherwise every event is positive." },
            [ColumnRole.Label] = new("--label") { HelpName = "COLUMN", Description = "The column that says whether the item was taken or refused: 1 or 0, true or false." },
        };
        Option<double?> positiveRating = new("--positive-rating") { HelpName = "N", Description = "The smallest positive rating; 70 % of the largest one if left out." };
        Option<string?> delimiter = new("--delimiter") { HelpName = "CHARACTER", Description = "The character between columns, or one of tab, comma, semicolon, bar." };
        Option<bool?> header = new("--has-header") { HelpName = "true|false", Description = "Whether the first line names the columns." };
        Option<string?> name = new("--name", "-n") { HelpName = "NAME", Description = "The name of the model, a C# name; made from the file's if left out." };
        Option<string?> output = new("--out", "-o") { HelpName = "DIR", Description = "The folder to write; the model's name if left out." };
        Option<string> backbone = new("--backbone")
        {
            HelpName = "din|sasrec",
            Description = "The network: DIN for labels and dense logs, SASRec for sparse logs and large catalogues.",
            DefaultValueFactory = _ => TrainingSettings.Din,
        };
        backbone.AcceptOnlyFromAmong(TrainingSettings.Din, TrainingSettings.SasRec);
        Option<bool> useAll = new("--use-all") { Description = "Learn from all events and evaluate on none: for the model that goes into service. Otherwise 70 % are for the model, 20 % for patches, 10 % for the test." };
        Option<string?> packages = new("--package-source") { HelpName = "DIR", Description = "The folder that the generated projects take DCCL's packages from; the tool's own if left out." };
        Option<bool> yes = new("--yes", "-y") { Description = "Never ask: take what was guessed." };
        Option<bool> strict = VerbOptions.Strict();
        Option<bool> force = VerbOptions.Force();
        Option<bool> resume = new("--resume") { Description = "Go on where a run of the same command was ended, by Ctrl-C, a crash or the machine: after its last whole epoch, so that one ended in its first epoch begins anew." };
        Option<int> seed = VerbOptions.Seed();
        Option<int> threads = VerbOptions.Threads();
        Option<bool> quick = VerbOptions.Quick();
        Option<bool> json = VerbOptions.Json();
        Command command = new("train", "Trains a model on a log, evaluates it, and writes the model and the code that uses it. Ctrl-C keeps the best whole epoch so far, and nothing in the first one; --resume goes on.")
        {
            data, columns[ColumnRole.User], columns[ColumnRole.Item], columns[ColumnRole.Time], columns[ColumnRole.Rating], columns[ColumnRole.Label],
            positiveRating, delimiter, header, name, output, backbone, useAll, packages, yes, strict, force, resume, seed, threads, quick, json,
        };
        command.SetAction(parsed =>
        {
            string path = parsed.GetValue(data)!;
            string modelName = parsed.GetValue(name) ?? ModelName.Make(path);
            ModelName.Check(modelName);
            LogOptions log = new()
            {
                Path = path,
                Delimiter = ParseDelimiter(parsed.GetValue(delimiter)),
                HasHeader = parsed.GetValue(header),
                Columns = columns.Where(column => parsed.GetValue(column.Value) is not null).ToDictionary(column => column.Key, column => parsed.GetValue(column.Value)!),
                PositiveRating = parsed.GetValue(positiveRating),
                IsStrict = parsed.GetValue(strict),
            };
            TrainRequest request = new(
                log,
                modelName,
                parsed.GetValue(output) ?? modelName,
                VerbOptions.GetSettings(parsed, parsed.GetValue(backbone)!, seed, threads, quick),
                UsesAllEvents: parsed.GetValue(useAll),
                PackageSource: parsed.GetValue(packages),
                Asks: !parsed.GetValue(yes),
                IsForced: parsed.GetValue(force),
                Resumes: parsed.GetValue(resume),
                IsJson: parsed.GetValue(json));
            return TrainRun.Run(console, request, cancellation);
        });
        return command;
    }

    private static char? ParseDelimiter(string? text) => text switch
    {
        null => null,
        "tab" or "\\t" => '\t',
        "comma" => ',',
        "semicolon" => ';',
        "bar" => '|',
        { Length: 1 } => text[0],
        _ => throw ToolException.BadInput($"The --delimiter must be one character, or tab, comma, semicolon or bar, but is '{text}'."),
    };
}
