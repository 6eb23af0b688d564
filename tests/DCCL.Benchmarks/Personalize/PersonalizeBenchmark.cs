using System.CommandLine;

namespace DCCL.Benchmarks.Personalize;

/// <summary>The verb personalize: users per second for MetaPatch and for full fine-tuning, one user at a time, and how well both rank.</summary>
internal static class PersonalizeBenchmark
{
    public static Command CreateCommand()
    {
        PersonalizeOptions defaults = new();
        Option<string?> data = new("--data")
        {
            HelpName = "FILE",
            Description = "A log: user, item, [rating,] time. Without it the built-in data are used.",
        };
        Option<double?> rating = new("--positive-rating")
        {
            HelpName = "N",
            Description = "Click prediction: events rated at least N are positive, the others were shown and refused. The built-in data get labels.",
        };
        Option<int> users = new("--users")
        {
            HelpName = "N",
            Description = "How many users' patches are timed; they have the events of the log's users under names of their own.",
            DefaultValueFactory = _ => defaults.NumberOfUsers,
        };
        Option<int> tuned = new("--tuned-users")
        {
            HelpName = "N",
            Description = "How many users are fine-tuned one by one at most.",
            DefaultValueFactory = _ => defaults.MaximumNumberOfTunedUsers,
        };
        Option<int> last = new("--last-events")
        {
            HelpName = "N",
            Description = "How many of a user's last device events patches learn from; 0 for all.",
            DefaultValueFactory = _ => defaults.NumberOfLastEvents,
        };
        Option<int> negatives = new("--negatives")
        {
            HelpName = "N",
            Description = "How many negatives are drawn for each event without a label.",
            DefaultValueFactory = _ => defaults.NegativePoolSize,
        };
        Option<int> linearizations = new("--linearizations")
        {
            HelpName = "N",
            Description = "How often the model is linearised; 0 for Adam's steps.",
            DefaultValueFactory = _ => defaults.NumberOfLinearizations,
        };
        Option<bool> choose = new("--choose")
        {
            Description = "Compares numbers of last events and of negatives on users' last device events, and does nothing else.",
        };
        Option<bool> timing = new("--timing-only") { Description = "MetaPatch alone, and no fine-tuning, no evaluation and no line of JSON." };
        Option<string?> models = new("--models") { HelpName = "FOLDER", Description = "Keeps the cloud model and the basis here for later runs on the same log." };
        Option<int> threads = new("--threads")
        {
            HelpName = "N",
            Description = "The number of threads, of both ways.",
            DefaultValueFactory = _ => defaults.NumberOfThreads,
        };
        Option<bool> quick = new("--quick") { Description = "A try: 150 users, few epochs." };
        Command command = new("personalize", "Times MetaPatch against fine-tuning a model for each user, and compares how both rank.")
        {
            data, rating, users, last, negatives, linearizations, tuned, choose, timing, models, threads, quick,
        };
        command.SetAction((parsed, cancellation) => Task.FromResult(new PersonalizeRun(
            new PersonalizeOptions
            {
                DataFile = parsed.GetValue(data),
                PositiveRating = parsed.GetValue(rating),
                NumberOfUsers = parsed.GetValue(users),
                NumberOfLastEvents = parsed.GetValue(last),
                NegativePoolSize = parsed.GetValue(negatives),
                NumberOfLinearizations = parsed.GetValue(linearizations),
                IsChoosing = parsed.GetValue(choose),
                IsTimingOnly = parsed.GetValue(timing),
                ModelFolder = parsed.GetValue(models),
                MaximumNumberOfTunedUsers = parsed.GetValue(tuned),
                NumberOfThreads = parsed.GetValue(threads),
                IsQuick = parsed.GetValue(quick),
            },
            cancellation).Run()));
        return command;
    }
}
