using DCCL.ML.Data;

namespace DCCL.ML.Evaluation;

/// <summary>Refuses logs whose evaluation would mean nothing.</summary>
internal static class TestLogChecks
{
    /// <summary>Refuses logs that overlap in time, or that lack the profiles that the model needs.</summary>
    /// <exception cref="ArgumentException">The logs are refused.</exception>
    public static void Check(InteractionLog history, InteractionLog test, int profileDimension)
    {
        if (profileDimension > 0 && history.ProfileDimension != profileDimension && test.ProfileDimension != profileDimension)
        {
            throw new ArgumentException(
                $"The logs must have the profiles of length {profileDimension} that the model was trained with, but those of the history log "
                + $"have length {history.ProfileDimension} and those of the test log {test.ProfileDimension}. Name the profile column.");
        }

        if (!history.HasTimestamps || !test.HasTimestamps)
        {
            return;
        }

        int numberOfUsers = 0;
        int overlaps = 0;
        int firstOverlap = 0;
        int repeats = 0;
        for (int user = 1; user <= Math.Min(history.NumberOfUsers, test.NumberOfUsers); user++)
        {
            ReadOnlySpan<double> earlier = history.GetTimestamps(user);
            ReadOnlySpan<double> later = test.GetTimestamps(user);
            if (earlier.IsEmpty || later.IsEmpty)
            {
                continue;
            }

            numberOfUsers++;
            if (earlier[^1] > later[0])
            {
                overlaps++;
                firstOverlap = firstOverlap == 0 ? user : firstOverlap;
            }
            else if (Repeats(history, test, user))
            {
                repeats++;
            }
        }

        // A duplicate event may lie on both sides of a cut, but not for most users.
        if (overlaps > 0 || repeats * 2 > numberOfUsers)
        {
            throw new ArgumentException(
                "The history must end before the test begins, but it does not for "
                + $"{(overlaps > 0 ? overlaps : repeats)} of {numberOfUsers} users"
                + (overlaps > 0 ? $", the first of key {firstOverlap}" : "")
                + ". Give only events before the test as history, or only later events as test.");
        }
    }

    /// <summary>Refuses a test log that reaches back into what the cloud model was fitted to.</summary>
    /// <param name="cutoffs">The times of users' last events that the cloud model was fitted to.</param>
    /// <param name="test">The test events.</param>
    /// <exception cref="ArgumentException">A user's first test event is earlier than the cut-off.</exception>
    public static void CheckCutoffs(ReadOnlySpan<double> cutoffs, InteractionLog test)
    {
        int earlier = 0;
        int first = 0;
        for (int user = 1; test.HasTimestamps && user <= Math.Min(cutoffs.Length, test.NumberOfUsers); user++)
        {
            ReadOnlySpan<double> timestamps = test.GetTimestamps(user);
            if (!timestamps.IsEmpty && timestamps[0] < cutoffs[user - 1])
            {
                earlier++;
                first = first == 0 ? user : first;
            }
        }

        if (earlier > 0)
        {
            throw new ArgumentException(
                "The test must be later than the events that the cloud model was fitted to, but it begins earlier for "
                + $"{earlier} of {test.NumberOfUsersWithEvents} users, the first of key {first}. "
                + "Train on earlier events, or test on later ones.");
        }
    }

    private static bool Repeats(InteractionLog history, InteractionLog test, int user)
    {
        ReadOnlySpan<double> timestamps = history.GetTimestamps(user);
        ReadOnlySpan<int> items = history.GetItems(user);
        for (int i = items.Length - 1; i >= 0 && timestamps[i] == test.GetTimestamps(user)[0]; i--)
        {
            if (items[i] == test.GetItems(user)[0])
            {
                return true;
            }
        }

        return false;
    }
}
