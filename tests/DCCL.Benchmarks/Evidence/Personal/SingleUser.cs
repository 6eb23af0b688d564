using DCCL.ML.Data;

namespace DCCL.Benchmarks.Evidence.Personal;

/// <summary>The logs of one user alone, who has key 1 there.</summary>
internal static class SingleUser
{
    /// <summary>Takes a run of a user's events out of a log.</summary>
    /// <param name="log">The log.</param>
    /// <param name="user">The user.</param>
    /// <param name="start">The first event.</param>
    /// <param name="end">The one after the last.</param>
    public static InteractionLog Take(InteractionLog log, int user, int start, int end)
    {
        bool isKnown = user <= log.NumberOfUsers;
        int[] users = new int[end - start];
        Array.Fill(users, 1);
        return InteractionLog.Create(
            1,
            log.NumberOfItems,
            users,
            isKnown ? log.GetItems(user)[start..end].ToArray() : [],
            isKnown ? log.GetTimestamps(user)[start..end].ToArray() : [],
            !log.HasLabels ? null : isKnown ? log.GetLabels(user)[start..end].ToArray() : [],
            log.ProfileDimension == 0 ? null : isKnown ? log.GetProfile(user).ToArray() : new float[log.ProfileDimension],
            log.ProfileDimension);
    }

    /// <summary>Takes all of a user's events out of a log.</summary>
    public static InteractionLog Take(InteractionLog log, int user) => Take(log, user, 0, user <= log.NumberOfUsers ? log.GetItems(user).Length : 0);
}
