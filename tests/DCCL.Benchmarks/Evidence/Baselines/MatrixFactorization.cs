using System.Numerics.Tensors;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence.Baselines;

/// <summary>Matrix factorisation with the Bayesian personalised ranking loss: what a user took stands above what the user did not take.</summary>
/// <remarks>
/// <c>-log sigmoid(x_ui - x_uj) + lambda |parameters|^2 / 2</c> with <c>x_ui = b_i + p_u . q_i</c>, by stochastic gradient descent; j is refused
/// by the user where there are labels and the user refused anything, else drawn from the items not taken. The number of epochs is chosen on
/// each user's last event, then all events are learnt. Source: Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback",
/// UAI 2009.
/// </remarks>
internal sealed class MatrixFactorization : IItemScorer
{
    private const int Dimension = 64;
    private const float LearningRate = 0.05f;
    private const float L2 = 0.01f;
    private const int EpochsBetweenLooks = 5;
    private const int Patience = 4;
    private const int NumberOfValidationUsers = 1000;

    private readonly float[][] _users;
    private readonly float[][] _items;
    private readonly float[] _biases;

    private MatrixFactorization(int numberOfUsers, int numberOfItems, SeededRandom random)
    {
        _users = Draw(numberOfUsers + 1, random);
        _items = Draw(numberOfItems + 1, random);
        _biases = new float[numberOfItems + 1];
    }

    public string Name => "bpr";

    public static MatrixFactorization Train(InteractionLog log, int seed, int maximumNumberOfEpochs, CancellationToken cancellation)
    {
        InteractionLog positives = log.WithPositivesOnly();
        int[] users = [.. Enumerable.Range(1, log.NumberOfUsers).Where(user => positives.GetItems(user).Length >= 2)];
        new SeededRandom(seed).Shuffle<int>(users);
        HashSet<int> watched = [.. users.Take(NumberOfValidationUsers)];
        bool IsLast(int user, int index) => watched.Contains(user) && index == positives.GetItems(user).Length - 1;
        InteractionLog earlier = positives.Where((user, index) => !IsLast(user, index));
        InteractionLog last = positives.Where(IsLast);

        double best = double.NegativeInfinity;
        int bestEpochs = EpochsBetweenLooks;
        Trainer trial = new(earlier, log, seed);
        for (int epoch = 1; epoch <= maximumNumberOfEpochs && epoch - bestEpochs <= EpochsBetweenLooks * Patience; epoch++)
        {
            cancellation.ThrowIfCancellationRequested();
            trial.RunEpoch();
            if (epoch % EpochsBetweenLooks == 0)
            {
                double metric = ItemRankingEvaluator.Evaluate(trial.Model, earlier, last).Overall.Ndcg(10);
                (best, bestEpochs) = metric > best ? (metric, epoch) : (best, bestEpochs);
            }
        }

        Trainer final = new(positives, log, seed);
        for (int epoch = 1; epoch <= bestEpochs; epoch++)
        {
            cancellation.ThrowIfCancellationRequested();
            final.RunEpoch();
        }

        return final.Model;
    }

    public void Score(UserMoment moment, ReadOnlySpan<int> items, Span<float> scores)
    {
        float[] user = _users[moment.User < _users.Length ? moment.User : 0];
        for (int i = 0; i < items.Length; i++)
        {
            scores[i] = _biases[items[i]] + TensorPrimitives.Dot<float>(user, _items[items[i]]);
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
                table[row][k] = (float)(0.1 * random.NextGaussian() / Math.Sqrt(Dimension / 10.0));
            }
        }

        return table;
    }

    /// <summary>Goes over the events again and again.</summary>
    private sealed class Trainer
    {
        private readonly (int User, int Item)[] _events;
        private readonly NegativeSampler _sampler;
        private readonly Dictionary<int, int[]> _refused = [];
        private readonly SeededRandom _random;

        public Trainer(InteractionLog positives, InteractionLog log, int seed)
        {
            _random = new SeededRandom(seed);
            Model = new MatrixFactorization(log.NumberOfUsers, log.NumberOfItems, _random);
            _sampler = new NegativeSampler(positives, seed);
            List<(int, int)> events = [];
            for (int user = 1; user <= log.NumberOfUsers; user++)
            {
                foreach (int item in positives.GetItems(user))
                {
                    events.Add((user, item));
                }

                ReadOnlySpan<int> items = log.GetItems(user);
                ReadOnlySpan<bool> labels = log.GetLabels(user);
                List<int> refused = [];
                for (int i = 0; i < labels.Length; i++)
                {
                    if (!labels[i])
                    {
                        refused.Add(items[i]);
                    }
                }

                if (refused.Count > 0)
                {
                    _refused.Add(user, [.. refused]);
                }
            }

            _events = [.. events];
        }

        public MatrixFactorization Model { get; }

        public void RunEpoch()
        {
            _random.Shuffle<(int, int)>(_events);
            Span<int> negative = stackalloc int[1];
            foreach ((int user, int item) in _events)
            {
                if (_refused.TryGetValue(user, out int[]? refused))
                {
                    negative[0] = refused[_random.Next(refused.Length)];
                }
                else
                {
                    _sampler.Sample(user, negative, _random);
                }

                if (negative[0] > 0 && negative[0] != item)
                {
                    Step(user, item, negative[0]);
                }
            }
        }

        private void Step(int user, int item, int negative)
        {
            float[] p = Model._users[user];
            float[] q = Model._items[item];
            float[] other = Model._items[negative];
            float[] biases = Model._biases;
            float margin = biases[item] - biases[negative] + TensorPrimitives.Dot<float>(p, q) - TensorPrimitives.Dot<float>(p, other);
            float slope = LearningRate / (1 + MathF.Exp(margin));
            const float Decay = LearningRate * L2;
            biases[item] += slope - (Decay * biases[item]);
            biases[negative] -= slope + (Decay * biases[negative]);
            for (int k = 0; k < Dimension; k++)
            {
                (float pk, float qk, float ok) = (p[k], q[k], other[k]);
                p[k] += (slope * (qk - ok)) - (Decay * pk);
                q[k] += (slope * pk) - (Decay * qk);
                other[k] -= (slope * pk) + (Decay * ok);
            }
        }
    }
}
