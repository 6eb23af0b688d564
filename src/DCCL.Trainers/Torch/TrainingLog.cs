using System.Globalization;
using DCCL.ML.Data;

namespace DCCL.Trainers.Torch;

/// <summary>What every trainer asks of a log, before any long work begins.</summary>
internal static class TrainingLog
{
    /// <summary>Throws if a log cannot teach a model anything.</summary>
    /// <exception cref="ArgumentException">One user, one item, no user with two positive events, or labels all of one class.</exception>
    public static void Check(InteractionLog log, InteractionColumns columns)
    {
        if (log.NumberOfUsersWithEvents < 2)
        {
            throw new ArgumentException(
                $"The log must have events of at least 2 users, but has {log.NumberOfUsersWithEvents}. "
                + $"Check that column '{columns.UserColumnName}' holds the user.");
        }

        if (log.NumberOfItems < 2)
        {
            throw new ArgumentException(
                $"The log must have at least 2 items, but has {log.NumberOfItems}. Check that column '{columns.ItemColumnName}' holds the item.");
        }

        if (log.HasLabels && (log.NumberOfPositiveEvents == 0 || log.NumberOfPositiveEvents == log.NumberOfEvents))
        {
            throw new ArgumentException(
                $"Column '{columns.LabelColumnName}' must have both classes, but all {log.NumberOfEvents} labels are "
                + $"{(log.NumberOfPositiveEvents == 0 ? "negative, that is false or a number of 0 or less" : "positive, that is true or a number above 0")}. "
                + "Where it holds ratings, compare them with a threshold first; or leave the label column out to train on sampled negatives.");
        }

        int longest = 0;
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            longest = Math.Max(longest, log.GetItems(user).Length);
        }

        if (longest < 2)
        {
            throw new ArgumentException(
                $"The log must have users with at least 2 events, but all {log.NumberOfUsersWithEvents} have one. "
                + "There is no history to learn from.");
        }
    }

    /// <summary>Logs what was read, and what was left out.</summary>
    public static void Describe(TrainingRun run, InteractionLog log)
    {
        run.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"{log.NumberOfEvents} events of {log.NumberOfUsersWithEvents} users and {log.NumberOfItems} items"));
        int tooFew = 0;
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            tooFew += log.GetItems(user).Length == 1 ? 1 : 0;
        }

        if (tooFew > 0 && !log.HasLabels)
        {
            run.Warning($"{tooFew} users have a single event: they are skipped, because nothing comes before it.");
        }

        if (log.NumberOfDroppedEvents > 0)
        {
            run.Warning($"{log.NumberOfDroppedEvents} events have no user or item key and were dropped.");
        }

        if (log.NumberOfDuplicateEvents > 0)
        {
            run.Info($"{log.NumberOfDuplicateEvents} events repeat user, item and time of another; they are kept.");
        }
    }

    /// <summary>Warns of events that a model has no rows for.</summary>
    /// <param name="run">The run.</param>
    /// <param name="log">The log, in the model's key values.</param>
    public static void WarnOfUnknown(TrainingRun run, InteractionLog log)
    {
        if (log.NumberOfDroppedEvents > 0)
        {
            run.Warning(
                $"{log.NumberOfDroppedEvents} events are of users or items that the model does not know, and were dropped. "
                + "Train the cloud model on with Fit(data, previousModel) to give them rows.");
        }
    }

    /// <summary>Leaves out the last events of each user.</summary>
    /// <param name="log">The log.</param>
    /// <param name="fraction">The share to leave out, 0 to less than 1.</param>
    public static InteractionLog HoldBack(InteractionLog log, double fraction)
    {
        if (fraction == 0)
        {
            return log;
        }

        return log.Where((user, index) =>
        {
            int count = log.GetItems(user).Length;
            return index < count - CountHeldBack(count, fraction);
        });
    }

    /// <summary>The number of a user's events that are left out.</summary>
    public static int CountHeldBack(int count, double fraction) =>
        (int)Math.Floor((count * fraction) + 1e-9); // the product with a decimal fraction may fall short by a rounding error

    /// <summary>The time of each user's last event; negative infinity for users without events.</summary>
    public static double[] GetCutoffs(InteractionLog log)
    {
        double[] cutoffs = new double[log.NumberOfUsers];
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            ReadOnlySpan<double> times = log.GetTimestamps(user);
            cutoffs[user - 1] = times.IsEmpty ? double.NegativeInfinity : times[^1];
        }

        return cutoffs;
    }

    public static void ThrowIfCancellationRequestedUnless(this CancellationToken token, bool hasResult)
    {
        if (!hasResult)
        {
            token.ThrowIfCancellationRequested();
        }
    }
}
