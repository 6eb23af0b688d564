namespace DCCL.ML.Data;

/// <summary>Joins two logs, user by user, in time order.</summary>
internal static class InteractionLogMerger
{
    public static InteractionLog Merge(InteractionLog first, InteractionLog second)
    {
        Check(first, second);
        int numberOfUsers = Math.Max(first.NumberOfUsers, second.NumberOfUsers);
        int numberOfEvents = checked(first.NumberOfEvents + second.NumberOfEvents);
        int profileDimension = Math.Max(first.ProfileDimension, second.ProfileDimension);
        int[] offsets = new int[numberOfUsers + 1];
        int[] items = new int[numberOfEvents];
        double[] timestamps = new double[numberOfEvents];
        bool[]? labels = first.HasLabels || second.HasLabels ? new bool[numberOfEvents] : null;
        float[] profiles = new float[checked(numberOfUsers * profileDimension)];

        // Without times, positions in the log stand for them, and the second log comes after the first.
        double shift = first.HasTimestamps ? 0 : LastTimestamp(first) + 1;
        int position = 0;
        for (int user = 1; user <= numberOfUsers; user++)
        {
            Sequence left = Sequence.Of(first, user);
            Sequence right = Sequence.Of(second, user);
            int i = 0;
            int j = 0;
            for (; i + j < left.Items.Length + right.Items.Length; position++)
            {
                bool takeLeft = j == right.Items.Length || (i < left.Items.Length && left.Timestamps[i] <= right.Timestamps[j] + shift);
                Sequence source = takeLeft ? left : right;
                int index = takeLeft ? i++ : j++;
                items[position] = source.Items[index];
                timestamps[position] = source.Timestamps[index] + (takeLeft ? 0 : shift);
                if (labels is not null)
                {
                    labels[position] = source.Labels[index];
                }
            }

            offsets[user] = position;
            Sequence profiled = second.ProfileDimension > 0 && (!right.Items.IsEmpty || left.Profile.IsEmpty) ? right : left;
            profiled.Profile.CopyTo(profiles.AsSpan((user - 1) * profileDimension, profileDimension));
        }

        return new InteractionLog(
            Math.Max(first.NumberOfItems, second.NumberOfItems),
            offsets,
            items,
            timestamps,
            labels,
            profiles,
            profileDimension,
            first.HasTimestamps)
        {
            NumberOfDroppedEvents = first.NumberOfDroppedEvents + second.NumberOfDroppedEvents,
        };
    }

    private static void Check(InteractionLog first, InteractionLog second)
    {
        CheckSame("labels", first.HasLabels, second.HasLabels);
        CheckSame("timestamps", first.HasTimestamps, second.HasTimestamps);
        if (first.ProfileDimension > 0 && second.ProfileDimension > 0 && first.ProfileDimension != second.ProfileDimension)
        {
            throw new ArgumentException(
                $"Both logs must have profiles of the same length, but they have {first.ProfileDimension} and {second.ProfileDimension} values. "
                + "Map both with the same transformer.");
        }
    }

    private static void CheckSame(string what, bool first, bool second)
    {
        if (first != second)
        {
            throw new ArgumentException(
                $"Both logs must have {what}, or neither, but only the {(first ? "first" : "second")} has. Name the column for both, or for neither.");
        }
    }

    private static double LastTimestamp(InteractionLog log)
    {
        double last = -1;
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            ReadOnlySpan<double> timestamps = log.GetTimestamps(user);
            last = timestamps.IsEmpty ? last : Math.Max(last, timestamps[^1]);
        }

        return last;
    }

    private readonly ref struct Sequence
    {
        public ReadOnlySpan<int> Items { get; private init; }

        public ReadOnlySpan<double> Timestamps { get; private init; }

        public ReadOnlySpan<bool> Labels { get; private init; }

        public ReadOnlySpan<float> Profile { get; private init; }

        public static Sequence Of(InteractionLog log, int user) => user > log.NumberOfUsers ? default : new Sequence
        {
            Items = log.GetItems(user),
            Timestamps = log.GetTimestamps(user),
            Labels = log.GetLabels(user),
            Profile = log.GetProfile(user),
        };
    }
}
