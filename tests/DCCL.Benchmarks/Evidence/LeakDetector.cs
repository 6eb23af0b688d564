using System.Reflection;
using DCCL.ML.Data;
using Microsoft.ML;
using QuickStart;

namespace DCCL.Benchmarks.Evidence;

/// <summary>Fails a run in which something that is learnt from, chosen by, or looked back on belongs to the test.</summary>
internal static class LeakDetector
{
    /// <summary>The number of objects looked at when a method's inputs are searched for the test.</summary>
    private const int MaximumNumberOfObjects = 20_000;

    /// <summary>Checks a cut against the whole log.</summary>
    /// <param name="data">The whole log, raw.</param>
    /// <param name="study">The cut.</param>
    /// <param name="isUnseen">Whether the cloud model must know nothing of the tested users.</param>
    /// <exception cref="InvalidDataException">There is a leak; the message says which.</exception>
    public static void Check(EventData data, EvidenceStudy study, bool isUnseen)
    {
        TrainingData training = study.Training;
        InteractionLog whole = training.Read(data.Log);
        CheckTimes(training.History, study.Test, "history");
        CheckShared(whole, training.History, study.Test, "history");
        if (training.ValidationLog is not null)
        {
            CheckTimes(training.ValidationLog, study.Test, "validation");
            CheckShared(whole, training.ValidationLog, study.Test, "validation");
        }

        CheckExclusions(new NegativeSampler(training.CloudLog, seed: 1), training.History, study.Test);
        CheckExclusions(new NegativeSampler(training.History, seed: 1), training.History, study.Test);
        if (isUnseen)
        {
            CheckUnseen(training.CloudLog, study.Test);
        }
    }

    /// <summary>Finds an event of the future: one in a log that is not before its user's first test event.</summary>
    public static void CheckTimes(InteractionLog log, InteractionLog test, string what)
    {
        for (int user = 1; log.HasTimestamps && user <= Math.Min(log.NumberOfUsers, test.NumberOfUsers); user++)
        {
            ReadOnlySpan<double> earlier = log.GetTimestamps(user);
            ReadOnlySpan<double> later = test.GetTimestamps(user);
            if (!earlier.IsEmpty && !later.IsEmpty && earlier[^1] > later[0])
            {
                throw Leak($"the {what} must end before the test begins, but that of user {user} has an event of the future, at {earlier[^1]}, "
                    + $"after the first test event, at {later[0]}");
            }
        }
    }

    /// <summary>Finds an event on both sides of the cut: logs must not hold it more often together than the whole log.</summary>
    public static void CheckShared(InteractionLog whole, InteractionLog log, InteractionLog test, string what)
    {
        for (int user = 1; user <= test.NumberOfUsers; user++)
        {
            Dictionary<(int Item, double Time), int> left = [];
            ForEach(whole, user, key => left[key] = left.GetValueOrDefault(key) + 1);
            ForEach(test, user, key => left[key] = left.GetValueOrDefault(key) - 1);
            ForEach(log, user, key =>
            {
                left[key] = left.GetValueOrDefault(key) - 1;
                if (left[key] < 0)
                {
                    throw Leak($"the {what} must not hold test events, but user {user}'s event with item {key.Item} stands in both");
                }
            });
        }
    }

    /// <summary>Finds a test item that is never drawn as a negative though its user had not had it: whoever draws knows the future.</summary>
    public static void CheckExclusions(NegativeSampler sampler, InteractionLog history, InteractionLog test)
    {
        for (int user = 1; user <= test.NumberOfUsers; user++)
        {
            HashSet<int> future = [.. test.GetItems(user)];
            future.ExceptWith(user <= history.NumberOfUsers ? history.GetItems(user).ToArray() : []);
            foreach (int item in sampler.GetSeenItems(user))
            {
                if (future.Contains(item))
                {
                    throw Leak($"negatives must be drawn without knowing the test, but item {item}, which user {user} takes only in the test, is excluded");
                }
            }
        }
    }

    /// <summary>Finds a tested user of whom the cloud model knows something.</summary>
    public static void CheckUnseen(InteractionLog cloud, InteractionLog test)
    {
        for (int user = 1; user <= Math.Min(cloud.NumberOfUsers, test.NumberOfUsers); user++)
        {
            if (!test.GetItems(user).IsEmpty && !cloud.GetItems(user).IsEmpty)
            {
                throw Leak($"the cloud model must know nothing of the tested users, but its log has {cloud.GetItems(user).Length} events of user {user}");
            }
        }
    }

    /// <summary>Finds the test among what a method is given: whoever has it can select by it.</summary>
    /// <param name="context">What the method is given.</param>
    /// <param name="test">The test.</param>
    public static void CheckContext(object context, InteractionLog test)
    {
        HashSet<object> seen = new(ReferenceEqualityComparer.Instance) { context };
        Queue<(object Value, string Path)> queue = new([(context, context.GetType().Name)]);
        while (queue.TryDequeue(out (object Value, string Path) next))
        {
            foreach ((object value, string name) in GetParts(next.Value))
            {
                string path = $"{next.Path}.{name}";
                if (ReferenceEquals(value, test) || (value is InteractionLog log && IsSame(log, test)))
                {
                    throw Leak($"a method must not be given the test, by which it could select, but {path} is the test");
                }

                if (IsOurs(value) && seen.Count < MaximumNumberOfObjects && seen.Add(value))
                {
                    queue.Enqueue((value, path));
                }
            }
        }
    }

    private static IEnumerable<(object Value, string Name)> GetParts(object owner)
    {
        if (owner is System.Collections.IEnumerable values and not IDataView)
        {
            foreach (object? value in values)
            {
                if (value is not null)
                {
                    yield return (value, "item");
                }
            }

            yield break;
        }

        for (Type? type = owner.GetType(); type is not null && type != typeof(object); type = type.BaseType)
        {
            foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                if (!field.FieldType.IsPrimitive && !field.FieldType.IsPointer && field.GetValue(owner) is object value)
                {
                    yield return (value, field.Name.TrimStart('<').Split('>')[0]);
                }
            }
        }
    }

    // Where a test could hide: the benchmark's own objects and lists of them. Logs are looked at, not into.
    private static bool IsOurs(object value) => value is not InteractionLog and not IDataView and not string
        && (value.GetType().Namespace?.StartsWith("DCCL.Benchmarks", StringComparison.Ordinal) == true
            || value is System.Collections.IList { Count: <= 100 }
            || value is System.Collections.IDictionary { Count: <= 100 });

    private static bool IsSame(InteractionLog log, InteractionLog test) =>
        log.NumberOfEvents == test.NumberOfEvents && log.NumberOfEvents > 0 && log.ComputeFingerprint() == test.ComputeFingerprint();

    private static void ForEach(InteractionLog log, int user, Action<(int Item, double Time)> visit)
    {
        if (user > log.NumberOfUsers)
        {
            return;
        }

        int[] items = log.GetItems(user).ToArray();
        double[] times = log.GetTimestamps(user).ToArray();
        for (int i = 0; i < items.Length; i++)
        {
            visit((items[i], log.HasTimestamps ? times[i] : 0));
        }
    }

    private static InvalidDataException Leak(string what) =>
        new(FormattableString.Invariant($"Leak: {what}. Nothing of this run is evidence; cut the log so that the test comes last, and keep it from training."));
}
