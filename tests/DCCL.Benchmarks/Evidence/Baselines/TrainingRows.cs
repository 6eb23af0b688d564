using DCCL.ML.Data;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence.Baselines;

/// <summary>What a classifier learns: events, each with what was known before it; without labels also negatives drawn for each.</summary>
internal static class TrainingRows
{
    /// <summary>The number of negatives of an event, as many as the cloud model has.</summary>
    private const int NumberOfNegatives = 4;

    /// <summary>What is done with a row.</summary>
    /// <param name="moment">The user just before the event.</param>
    /// <param name="item">The item.</param>
    /// <param name="label">Whether it was taken.</param>
    public delegate void Visitor(UserMoment moment, int item, bool label);

    /// <summary>Goes over the rows, user by user in order of time.</summary>
    /// <param name="log">All events.</param>
    /// <param name="firstEvent">The index of the first event of a user that is a row; earlier ones stand in histories only.</param>
    /// <param name="seed">The seed of the negatives.</param>
    /// <param name="visit">What is done with each row.</param>
    public static void Visit(InteractionLog log, Func<int, int> firstEvent, int seed, Visitor visit)
    {
        NegativeSampler sampler = new(log, seed);
        int[] negatives = new int[NumberOfNegatives];
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            int[] items = log.GetItems(user).ToArray();
            bool[] labels = log.GetLabels(user).ToArray();
            List<int> history = [];
            for (int i = 0; i < items.Length; i++)
            {
                bool label = labels.Length == 0 || labels[i];
                if (i >= firstEvent(user))
                {
                    UserMoment moment = new(
                        user, items.AsSpan(0, i), history.ToArray(), log.ProfileDimension > 0 ? log.GetProfile(user) : []);
                    visit(moment, items[i], label);
                    if (labels.Length == 0)
                    {
                        sampler.Sample(user, negatives);
                        foreach (int negative in negatives.Where(negative => negative > 0))
                        {
                            visit(moment, negative, false);
                        }
                    }
                }

                if (label)
                {
                    history.Add(items[i]);
                }
            }
        }
    }
}
