using DCCL.ML.Data;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence.Baselines;

/// <summary>What somebody would compute by hand of a user and an item for gradient-boosted trees.</summary>
/// <remarks>The statistics are those of a log: of earlier events when the trees are trained, of all events before the test afterwards.</remarks>
internal sealed class HandMadeFeatures
{
    public const int Count = 10;

    private readonly Popularity _rates;
    private readonly ItemNeighbors _neighbors;
    private readonly float[] _counts;
    private readonly float[][] _profiles;

    public HandMadeFeatures(InteractionLog log)
    {
        _rates = Popularity.Train(log);
        _neighbors = ItemNeighbors.Train(log);
        _counts = new float[log.NumberOfItems + 1];
        _profiles = new float[log.NumberOfItems + 1][];
        float[] takers = new float[log.NumberOfItems + 1];
        Array.Fill(_profiles, []);
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            ReadOnlySpan<int> items = log.GetItems(user);
            ReadOnlySpan<bool> labels = log.GetLabels(user);
            for (int i = 0; i < items.Length; i++)
            {
                _counts[items[i]]++;
                if (log.ProfileDimension > 0 && (labels.IsEmpty || labels[i]))
                {
                    AddProfile(items[i], log.GetProfile(user));
                    takers[items[i]]++;
                }
            }
        }

        for (int item = 1; item < _profiles.Length; item++)
        {
            _profiles[item] = Array.ConvertAll(_profiles[item], value => value / takers[item]);
        }
    }

    /// <summary>Computes the features of one user with many items.</summary>
    /// <param name="moment">The user.</param>
    /// <param name="items">The items.</param>
    /// <param name="features">Receives them, <see cref="Count"/> for each item.</param>
    public void Compute(UserMoment moment, ReadOnlySpan<int> items, Span<float> features)
    {
        float[] sums = new float[_counts.Length];
        float[] largest = new float[_counts.Length];
        float[] last = new float[_counts.Length];
        float popularity = 0;
        for (int place = 0; place < moment.History.Length; place++)
        {
            int past = moment.History[place];
            popularity += _counts[past] / moment.History.Length;
            bool isRecent = place >= moment.History.Length - 10;
            bool isLast = place == moment.History.Length - 1;
            foreach ((int item, float similarity) in _neighbors[past])
            {
                sums[item] += similarity;
                largest[item] = isRecent ? Math.Max(largest[item], similarity) : largest[item];
                last[item] = isLast ? similarity : last[item];
            }
        }

        float rate = moment.Items.IsEmpty ? 0.5f : (float)moment.History.Length / moment.Items.Length;
        for (int i = 0; i < items.Length; i++)
        {
            int item = items[i];
            Span<float> row = features.Slice(i * Count, Count);
            row[0] = _counts[item];
            row[1] = _rates[item];
            row[2] = sums[item];
            row[3] = sums[item] / Math.Max(1, moment.History.Length);
            row[4] = largest[item];
            row[5] = last[item];
            row[6] = moment.Items.Length;
            row[7] = rate;
            row[8] = _counts[item] / (1 + popularity);
            row[9] = GetLikeness(item, moment.Profile);
        }
    }

    private void AddProfile(int item, ReadOnlySpan<float> profile)
    {
        float[] sum = _profiles[item].Length == 0 ? new float[profile.Length] : _profiles[item];
        for (int k = 0; k < sum.Length; k++)
        {
            sum[k] += profile[k];
        }

        _profiles[item] = sum;
    }

    private float GetLikeness(int item, ReadOnlySpan<float> profile)
    {
        float sum = 0;
        for (int k = 0; k < Math.Min(profile.Length, _profiles[item].Length); k++)
        {
            sum += profile[k] * _profiles[item][k];
        }

        return sum;
    }
}
