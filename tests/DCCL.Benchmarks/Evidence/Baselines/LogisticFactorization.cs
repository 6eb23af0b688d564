using System.Numerics.Tensors;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence.Baselines;

/// <summary>Logistic matrix factorisation of labels: what each user liked and what the user refused.</summary>
/// <remarks>
/// Cross-entropy of <c>b + b_u + b_i + p_u . q_i</c> with L2, by stochastic gradient descent with falling steps. The number of epochs is chosen by the AUC per
/// user on the last tenth of each user's events, then all events are learnt. Source: Koren, Bell and Volinsky, "Matrix Factorization Techniques for
/// Recommender Systems", Computer 2009, with the logistic loss in place of the squared one.
/// </remarks>
internal sealed class LogisticFactorization : IItemScorer
{
    // Dimension and L2 were chosen on MovieLens 100K, on the last tenth of what is before the test.
    private const int Dimension = 32;
    private const float L2 = 0.03f;
    private const float BiasL2 = 0.02f;
    private const float LearningRate = 0.02f;
    private const float Decay = 0.03f;
    private const int EpochsBetweenLooks = 5;
    private const double HeldBackFraction = 0.1;

    private readonly float[][] _users;
    private readonly float[][] _items;
    private readonly float[] _userBiases;
    private readonly float[] _itemBiases;
    private float _bias;

    private LogisticFactorization(int numberOfUsers, int numberOfItems, SeededRandom random)
    {
        _users = Draw(numberOfUsers + 1, random);
        _items = Draw(numberOfItems + 1, random);
        _userBiases = new float[numberOfUsers + 1];
        _itemBiases = new float[numberOfItems + 1];
    }

    public string Name => "logistic-mf";

    /// <summary>Trains on a log with labels.</summary>
    public static LogisticFactorization Train(InteractionLog log, int seed, int maximumNumberOfEpochs, CancellationToken cancellation)
    {
        bool IsEarly(int user, int index) => index < log.GetItems(user).Length * (1 - HeldBackFraction);
        InteractionLog late = log.Where((user, index) => !IsEarly(user, index));
        double best = double.NegativeInfinity;
        int bestEpochs = 0;
        Run(log.Where(IsEarly), maximumNumberOfEpochs, (epoch, model) =>
        {
            if (epoch % EpochsBetweenLooks == 0 || epoch == maximumNumberOfEpochs)
            {
                double metric = model.GetAucPerUser(late);
                (best, bestEpochs) = metric > best ? (metric, epoch) : (best, bestEpochs);
            }
        });
        return Run(log, Math.Max(1, bestEpochs), (_, _) => { });

        LogisticFactorization Run(InteractionLog events, int epochs, Action<int, LogisticFactorization> epochDone)
        {
            SeededRandom random = new(seed);
            LogisticFactorization model = new(log.NumberOfUsers, log.NumberOfItems, random);
            (int User, int Item, bool Label)[] rows =
            [
                .. Enumerable.Range(1, events.NumberOfUsers).SelectMany(user =>
                    events.GetItems(user).ToArray().Zip(events.GetLabels(user).ToArray(), (item, label) => (user, item, label))),
            ];
            for (int epoch = 1; epoch <= epochs; epoch++)
            {
                cancellation.ThrowIfCancellationRequested();
                random.Shuffle<(int, int, bool)>(rows);
                foreach ((int user, int item, bool label) in rows)
                {
                    model.Step(user, item, label, LearningRate / (1 + (Decay * epoch)));
                }

                epochDone(epoch, model);
            }

            return model;
        }
    }

    public void Score(UserMoment moment, ReadOnlySpan<int> items, Span<float> scores)
    {
        int user = moment.User < _users.Length ? moment.User : 0;
        for (int i = 0; i < items.Length; i++)
        {
            scores[i] = GetLogit(user, items[i]);
        }
    }

    private static float[][] Draw(int rows, SeededRandom random)
    {
        float[][] table = new float[rows][];
        for (int row = 0; row < rows; row++)
        {
            table[row] = new float[Dimension];
            for (int k = 0; row > 0 && k < Dimension; k++)
            {
                table[row][k] = (float)(0.2 * (random.NextDouble() - 0.5));
            }
        }

        return table;
    }

    private float GetLogit(int user, int item) =>
        _bias + _userBiases[user] + _itemBiases[item] + TensorPrimitives.Dot<float>(_users[user], _items[item]);

    private void Step(int user, int item, bool label, float rate)
    {
        float slope = rate * ((label ? 1 : 0) - (1 / (1 + MathF.Exp(-GetLogit(user, item)))));
        _bias += 0.1f * slope; // all events move it
        _userBiases[user] += slope - (rate * BiasL2 * _userBiases[user]);
        _itemBiases[item] += slope - (rate * BiasL2 * _itemBiases[item]);
        float[] p = _users[user];
        float[] q = _items[item];
        for (int k = 0; k < Dimension; k++)
        {
            (float pk, float qk) = (p[k], q[k]);
            p[k] += (slope * qk) - (rate * L2 * pk);
            q[k] += (slope * pk) - (rate * L2 * qk);
        }
    }

    // The mean over users; over all events where nobody has both labels.
    private double GetAucPerUser(InteractionLog log)
    {
        double sum = 0;
        int users = 0;
        List<float> logits = [];
        List<bool> labels = [];
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            float[] own = [.. log.GetItems(user).ToArray().Select(item => GetLogit(user, item))];
            double auc = ClassificationMetrics.AreaUnderRocCurve(own, log.GetLabels(user));
            sum += double.IsNaN(auc) ? 0 : auc;
            users += double.IsNaN(auc) ? 0 : 1;
            logits.AddRange(own);
            labels.AddRange(log.GetLabels(user));
        }

        return users > 0 ? sum / users : ClassificationMetrics.AreaUnderRocCurve([.. logits], [.. labels]);
    }
}
