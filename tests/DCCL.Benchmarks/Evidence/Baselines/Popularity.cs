using DCCL.ML.Data;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence.Baselines;

/// <summary>Items by how often they were taken; where events have labels, by the share of those taken of those shown.</summary>
internal sealed class Popularity : IItemScorer
{
    /// <summary>The number of average events that each item's rate is smoothed with.</summary>
    private const double NumberOfPriorEvents = 10;

    private readonly float[] _scores;

    private Popularity(float[] scores)
    {
        _scores = scores;
    }

    public string Name => "popularity";

    /// <summary>Gets an item's score.</summary>
    public float this[int item] => _scores[item];

    public static Popularity Train(InteractionLog log)
    {
        double[] shown = new double[log.NumberOfItems + 1];
        double[] taken = new double[log.NumberOfItems + 1];
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            ReadOnlySpan<int> items = log.GetItems(user);
            ReadOnlySpan<bool> labels = log.GetLabels(user);
            for (int i = 0; i < items.Length; i++)
            {
                shown[items[i]]++;
                taken[items[i]] += labels.IsEmpty || labels[i] ? 1 : 0;
            }
        }

        float[] scores = new float[shown.Length];
        double rate = (double)log.NumberOfPositiveEvents / log.NumberOfEvents;
        for (int item = 1; item < scores.Length; item++)
        {
            double smoothed = (taken[item] + (NumberOfPriorEvents * rate)) / (shown[item] + NumberOfPriorEvents);
            scores[item] = (float)(log.HasLabels ? Math.Log(smoothed / (1 - smoothed)) : taken[item]);
        }

        return new Popularity(scores);
    }

    public void Score(UserMoment moment, ReadOnlySpan<int> items, Span<float> scores)
    {
        for (int i = 0; i < items.Length; i++)
        {
            scores[i] = _scores[items[i]];
        }
    }
}
