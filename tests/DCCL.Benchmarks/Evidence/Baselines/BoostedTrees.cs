using DCCL.ML.Evaluation;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers.FastTree;
using Microsoft.ML.Trainers.LightGbm;

namespace DCCL.Benchmarks.Evidence.Baselines;

/// <summary>ML.NET's LightGBM on hand-made features.</summary>
/// <remarks>
/// Trees learn from the device period with the statistics of the cloud period, so that no event stands in its own features; they serve with the
/// statistics of both. Scores are computed from the trees, because a call of ML.NET's pipeline for each event takes longer than all else,
/// and are held to the pipeline's own on some rows.
/// </remarks>
internal sealed class BoostedTrees : IItemScorer
{
    private const int NumberOfCheckedRows = 50;
    private const double Tolerance = 1e-4;

    private readonly HandMadeFeatures _features;
    private readonly Tree[] _trees;
    private readonly double _bias;
    private readonly double _slope;
    private readonly double _offset;

    private BoostedTrees(
        HandMadeFeatures features, LightGbmBinaryModelParameters model, Microsoft.ML.Calibrators.PlattCalibrator calibrator)
    {
        _features = features;
        _trees = [.. model.TrainedTreeEnsemble.Trees.Zip(model.TrainedTreeEnsemble.TreeWeights, (tree, weight) => new Tree(tree, weight))];
        _bias = model.TrainedTreeEnsemble.Bias;

        // Platt: probability = 1 / (1 + exp(slope score + offset)), so that the logit is minus that.
        (_slope, _offset) = (calibrator.Slope, calibrator.Offset);
    }

    public string Name => "lightgbm";

    public static BoostedTrees Train(MLContext ml, TrainingData data, int seed, int numberOfTrees)
    {
        HandMadeFeatures early = new(data.CloudLog);
        List<Row> rows = [];
        TrainingRows.Visit(data.History, data.GetFirstDeviceEvent, seed, (moment, item, label) =>
        {
            float[] features = new float[HandMadeFeatures.Count];
            early.Compute(moment, [item], features);
            rows.Add(new Row { Features = features, Label = label });
        });
        IDataView view = ml.Data.LoadFromEnumerable(rows);
        LightGbmBinaryTrainer.Options options = new()
        {
            FeatureColumnName = nameof(Row.Features),
            LabelColumnName = nameof(Row.Label),
            NumberOfIterations = numberOfTrees,
            NumberOfLeaves = 16,
            MinimumExampleCountPerLeaf = 20,
            LearningRate = 0.1,
            NumberOfThreads = 1,
            Seed = seed,
            Silent = true,
        };
        BinaryPredictionTransformer<Microsoft.ML.Calibrators.CalibratedModelParametersBase<
            LightGbmBinaryModelParameters, Microsoft.ML.Calibrators.PlattCalibrator>> model =
            ml.BinaryClassification.Trainers.LightGbm(options).Fit(view);
        BoostedTrees trees = new(new HandMadeFeatures(data.History), model.Model.SubModel, model.Model.Calibrator);
        trees.Check([.. model.Transform(ml.Data.TakeRows(view, NumberOfCheckedRows)).GetColumn<float>("Probability")], rows);
        return trees;
    }

    public void Score(UserMoment moment, ReadOnlySpan<int> items, Span<float> scores)
    {
        float[] features = new float[items.Length * HandMadeFeatures.Count];
        _features.Compute(moment, items, features);
        for (int i = 0; i < items.Length; i++)
        {
            scores[i] = GetLogit(features.AsSpan(i * HandMadeFeatures.Count, HandMadeFeatures.Count));
        }
    }

    private float GetLogit(ReadOnlySpan<float> features)
    {
        double score = _bias;
        foreach (Tree tree in _trees)
        {
            score += tree.GetValue(features);
        }

        return (float)-((_slope * score) + _offset);
    }

    private void Check(float[] expected, List<Row> rows)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            double probability = 1 / (1 + Math.Exp(-GetLogit(rows[i].Features)));
            if (!(Math.Abs(probability - expected[i]) <= Tolerance))
            {
                throw new InvalidOperationException(
                    $"The probability of row {i} must be ML.NET's {expected[i]}, but is {probability}. Compare the form of its trees with this version's.");
            }
        }
    }

    /// <summary>A tree in arrays of its own: ML.NET's are lists behind an interface, many times slower.</summary>
    private sealed class Tree(RegressionTreeBase tree, double weight)
    {
        private readonly int[] _features = [.. tree.NumericalSplitFeatureIndexes];
        private readonly float[] _thresholds = [.. tree.NumericalSplitThresholds];
        private readonly int[] _left = [.. tree.LeftChild];
        private readonly int[] _right = [.. tree.RightChild];
        private readonly double[] _leaves = [.. tree.LeafValues.Select(value => value * weight)];

        public double GetValue(ReadOnlySpan<float> features)
        {
            // A child below zero is a leaf: the complement of its number.
            int node = _features.Length == 0 ? ~0 : 0;
            while (node >= 0)
            {
                node = features[_features[node]] <= _thresholds[node] ? _left[node] : _right[node];
            }

            return _leaves[~node];
        }
    }

    private sealed class Row
    {
        [VectorType(HandMadeFeatures.Count)]
        public float[] Features { get; set; } = [];

        public bool Label { get; set; }
    }
}
