using DCCL.ML.Data;

namespace DCCL.ML.Tests.Evaluation;

/// <summary>Small logs for the tests of the evaluation.</summary>
internal static class EvaluationLogs
{
    /// <summary>Creates a log from rows of user, item, time and label.</summary>
    public static InteractionLog Create(
        int numberOfUsers, int numberOfItems, bool withLabels, params (int User, int Item, double Time, bool Label)[] rows) =>
        InteractionLog.Create(
            numberOfUsers,
            numberOfItems,
            [.. rows.Select(row => row.User)],
            [.. rows.Select(row => row.Item)],
            [.. rows.Select(row => row.Time)],
            withLabels ? [.. rows.Select(row => row.Label)] : null);

    /// <summary>Creates random logs: some users without history, some without test events, repeated items, ties in time.</summary>
    public static (InteractionLog History, InteractionLog Test) CreateRandom(
        int seed, int numberOfUsers, int numberOfItems, bool withLabels, int profileDimension = 0)
    {
        SeededRandom random = new(seed);
        List<(int User, int Item, double Time, bool Label)> history = [];
        List<(int User, int Item, double Time, bool Label)> test = [];
        for (int user = 1; user <= numberOfUsers; user++)
        {
            Add(history, user, random.Next(12), 0);
            Add(test, user, random.Next(5), 100);
        }

        float[] profiles = [.. Enumerable.Range(0, numberOfUsers * profileDimension).Select(_ => random.NextSingle())];
        return (ToLog(history), ToLog(test));

        void Add(List<(int, int, double, bool)> rows, int user, int count, int start)
        {
            for (int i = 0; i < count; i++)
            {
                rows.Add((user, 1 + random.Next(numberOfItems), start + random.Next(8), random.Next(2) == 0));
            }
        }

        InteractionLog ToLog(List<(int User, int Item, double Time, bool Label)> rows) => InteractionLog.Create(
            numberOfUsers,
            numberOfItems,
            [.. rows.Select(row => row.User)],
            [.. rows.Select(row => row.Item)],
            [.. rows.Select(row => row.Time)],
            withLabels ? [.. rows.Select(row => row.Label)] : null,
            profileDimension > 0 ? profiles : null,
            profileDimension);
    }
}
