using DCCL.ML.Data;
using Microsoft.ML;
using QuickStart;

namespace DCCL.Benchmarks.Evidence;

/// <summary>The ways to cut a log into what is learnt from and what is tested.</summary>
internal static class Protocols
{
    /// <summary>The share of the events of users whom the cloud knows that their devices have, in support and query.</summary>
    private const double DeviceShare = 0.2;

    /// <summary>The share of an unknown user's events that a patch may learn from.</summary>
    private const double SupportShare = 0.5;

    private const byte CloudPart = 0;
    private const byte DevicePart = 1;
    private const byte TestPart = 2;

    /// <summary>Cuts a log; one study for each fold.</summary>
    public static IEnumerable<EvidenceStudy> Cut(MLContext ml, EventData data, EvidenceOptions options)
    {
        if (options.Protocol != EvidenceOptions.SupportQuery)
        {
            Periods periods = Periods.Split(
                ml, data, options.Protocol == EvidenceOptions.Periods ? QuickStartOptions.PeriodsSplit : QuickStartOptions.LeaveLastOutSplit);
            yield return Create(ml, data, fold: 1, periods);
            yield break;
        }

        for (int fold = 1; fold <= options.NumberOfFolds; fold++)
        {
            yield return Create(ml, data, fold, ByUser(data, fold, options.NumberOfFolds));
        }
    }

    /// <summary>Holds out the users of a fold: the cloud model knows nothing of them, their devices have the first half of what they did.</summary>
    /// <remarks>
    /// The other users' last fifth is their devices', so that bases are learnt across many users, on events that the cloud model was not
    /// fitted to; nobody is tested on what another user of the same fold did.
    /// </remarks>
    internal static Periods ByUser(EventData data, int fold, int numberOfFolds)
    {
        RowsByUser rows = RowsByUser.Read(data.Log, data.Columns);
        int[] order = [.. Enumerable.Range(0, rows.NumberOfUsers)];
        new SeededRandom(1).Shuffle<int>(order);
        byte[] parts = new byte[rows.NumberOfRows];
        byte[] isTest = new byte[rows.NumberOfRows];
        int held = 0;
        for (int place = 0; place < order.Length; place++)
        {
            ReadOnlySpan<int> own = rows.GetRows(order[place]);
            bool isHeldOut = place % numberOfFolds == fold - 1;
            held += isHeldOut ? 1 : 0;
            int first = isHeldOut ? own.Length - (int)(own.Length * (1 - SupportShare)) : own.Length - (int)(own.Length * DeviceShare);
            for (int i = 0; i < own.Length; i++)
            {
                parts[own[i]] = isHeldOut ? (i < first ? DevicePart : TestPart) : (i < first ? CloudPart : DevicePart);
                isTest[own[i]] = (byte)(parts[own[i]] == TestPart ? 1 : 0);
            }
        }

        return new Periods(
            new RowSubset(data.Log, parts, CloudPart),
            Validation: null,
            new RowSubset(data.Log, parts, DevicePart),
            new RowSubset(data.Log, parts, TestPart),
            new RowSubset(data.Log, isTest, 0),
            $"support and query: {numberOfFolds} folds of users; in each, the cloud model has no event of its users ({held} of {rows.NumberOfUsers} "
            + "in this one), their devices have the first half of their events, and the second half is the test; of the other users the cloud has "
            + "the first 80 %, the devices the rest");
    }

    private static EvidenceStudy Create(MLContext ml, EventData data, int fold, Periods periods)
    {
        TrainingData training = new(ml, data, periods);
        InteractionLog test = training.Read(periods.Test);
        return new EvidenceStudy(fold, training, test, periods.Description);
    }
}
