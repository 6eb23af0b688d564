using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace DCCL.ML.Export;

/// <content>The graphs of learning: the training step and the cold start.</content>
internal static partial class ExportCheck
{
    private const int NumberOfSamples = 12;
    private const float L2 = 2;
    private const float InterceptL2 = 1;

    // Large steps meet curvature and kinks, small ones the rounding of the loss: a right slope shows at one of them.
    private static readonly float[] _distances = [1e-2f, 3e-3f, 1e-3f, 3e-4f, 1e-4f];
    private const double SlopeTolerance = 2e-2;

    /// <summary>Checks that the step's scores and loss are the reference's, and its derivative that of the loss, along a random direction.</summary>
    /// <param name="file">The exported file.</param>
    /// <param name="parameters">The model.</param>
    /// <exception cref="InvalidOperationException">It is not.</exception>
    public static void RunTrainingStep(byte[] file, DeviceCloudModelParameters parameters)
    {
        using InferenceSession session = GraphSession.Open(file);
        SeededRandom random = new(1);
        int size = parameters.Patch!.PatchSize;
        int width = DeviceGraph.GetWidth(parameters.Patch, parameters.Architecture);
        float[] activation = Gaussian(random, NumberOfSamples * width, 1);
        float[] offset = Gaussian(random, NumberOfSamples, 1);
        float[] label = [.. Enumerable.Range(0, NumberOfSamples).Select(i => (float)(i % 2))];
        float[] weight = [.. Enumerable.Range(0, NumberOfSamples).Select(_ => 0.5f + random.NextSingle())];
        float[] patch = Gaussian(random, size, 0.3);
        float[] direction = Gaussian(random, size, 1 / Math.Sqrt(size));
        ReferenceModel reference = new(parameters);
        double[][] activations = [.. activation.Chunk(width).Select(row => Array.ConvertAll(row, value => (double)value))];

        float[] moment = Step(0).Moment;
        double slope = moment.Zip(direction, (m, v) => (double)m * v).Sum() / 0.1; // from zero, the first moment is a tenth of the gradient
        double[] measured = [.. _distances.Select(distance => (Step(distance).Loss - Step(-distance).Loss) / (2 * distance))];
        double nearest = measured.MinBy(other => Math.Abs(other - slope));
        if (!(Math.Abs(nearest - slope) <= SlopeTolerance * (1 + Math.Abs(nearest))))
        {
            throw new InvalidOperationException(FormattableString.Invariant(
                $"The exported step must have the slope {nearest:G4} of its loss, but in ONNX Runtime has {slope:G4}. Nothing was exported: please report it."));
        }

        (double Loss, float[] Moment) Step(float distance)
        {
            float[] moved = [.. patch.Zip(direction, (x, v) => x + (distance * v))];
            NamedOnnxValue[] inputs =
            [
                CreateFloats(DeviceGraph.ActivationOutput, activation, NumberOfSamples, width),
                CreateVector(DeviceGraph.OffsetOutput, offset),
                CreateVector(TrainingStepGraph.LabelInput, label),
                CreateVector(TrainingStepGraph.WeightInput, weight),
                CreateFloats(ModelGraph.PatchInput, moved, 1, size),
                CreateFloats(TrainingStepGraph.StartInput, new float[size], 1, size),
                CreateFloats(TrainingStepGraph.FirstMomentInput, new float[size], 1, size),
                CreateFloats(TrainingStepGraph.SecondMomentInput, new float[size], 1, size),
                CreateVector(TrainingStepGraph.StepInput, [1]),
                CreateVector(TrainingStepGraph.LearningRateInput, [0.1f]),
                CreateVector(TrainingStepGraph.L2Input, [L2]),
                CreateVector(TrainingStepGraph.InterceptL2Input, [InterceptL2]),
            ];
            using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs =
                session.Run(inputs, [TrainingStepGraph.LossOutput, TrainingStepGraph.NextFirstMomentOutput, ModelGraph.ScoreOutput]);
            float loss = outputs[0].AsEnumerable<float>().First();
            CompareWithReference(moved, loss, [.. outputs[2].AsEnumerable<float>()]);
            return (loss, [.. outputs[1].AsEnumerable<float>()]);
        }

        // The scores one by one; and the loss: the sum of weight times cross-entropy, and l2 / 2 |patch|^2.
        void CompareWithReference(float[] theta, float actualLoss, float[] scores)
        {
            double loss = 0.5 * theta.Select((value, k) => (k == 0 ? InterceptL2 : L2) * (double)value * value).Sum();
            double magnitude = loss;
            for (int i = 0; i < NumberOfSamples; i++)
            {
                (double logit, double terms) = reference.Decode(activations[i], offset[i], theta);
                ExpectOfStep("score", logit, scores[i], terms);
                loss += weight[i] * (Math.Max(logit, 0) - (logit * label[i]) + Math.Log(1 + Math.Exp(-Math.Abs(logit))));
                magnitude += weight[i] * terms;
            }

            ExpectOfStep("loss", loss, actualLoss, magnitude);
        }
    }

    private static void ExpectOfStep(string name, double expected, float actual, double magnitude)
    {
        if (!(Math.Abs(actual - expected) <= Tolerance * Math.Max(1, magnitude)))
        {
            throw new InvalidOperationException(FormattableString.Invariant(
                $"The exported step must give the {name} {expected:G7}, but in ONNX Runtime gives {actual}. Nothing was exported: please report it."));
        }
    }

    /// <summary>Compares the cold start with the model's own encoder, on random histories and profiles.</summary>
    /// <param name="file">The exported file.</param>
    /// <param name="parameters">The model.</param>
    /// <param name="ids">The vocabulary inside the graph; null for key values as inputs.</param>
    /// <exception cref="InvalidOperationException">A patch differs.</exception>
    public static void RunColdStart(byte[] file, DeviceCloudModelParameters parameters, IReadOnlyList<string>? ids)
    {
        using InferenceSession session = GraphSession.Open(file);
        SeededRandom random = new(1);
        PatchEncoder encoder = new(parameters);
        int size = parameters.Patch!.PatchSize;
        int dimension = parameters.Architecture.ProfileDimension;
        int length = parameters.Architecture.HistoryLength;
        for (int known = 0; known <= Math.Min(length, 4); known++)
        {
            int[] history = [.. Enumerable.Range(0, length).Select(i => i < known ? 1 + random.Next(parameters.Architecture.NumberOfItems) : 0)];
            float[] profile = Gaussian(random, dimension, 1);
            NamedOnnxValue input = dimension > 0
                ? CreateFloats(ModelGraph.ProfileInput, profile, 1, dimension)
                : CreateItems(session, ids, ModelGraph.HistoryInput, [.. history.Select(item => (long)item)], 1, length);
            using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run([input], [ModelGraph.PatchInput]);
            float[] user = new float[encoder.UserSize];
            float[] expected = new float[size];
            if (encoder.TryGetUserVector(history, profile, user))
            {
                encoder.Encode([], user, expected);
            }

            float[] actual = [.. outputs[0].AsEnumerable<float>()];
            for (int i = 0; i < size; i++)
            {
                if (!(Math.Abs(actual[i] - expected[i]) <= Tolerance * Math.Max(1, Math.Abs(expected[i]))))
                {
                    throw new InvalidOperationException(FormattableString.Invariant(
                        $"The exported cold start must give {expected[i]} (within {Tolerance:G1}), but in ONNX Runtime gives {actual[i]}. ")
                        + "Nothing was exported: please report it.");
                }
            }
        }
    }

    private static float[] Gaussian(SeededRandom random, int count, double scale)
    {
        float[] values = new float[count];
        Fill(random, values, scale);
        return values;
    }

    private static NamedOnnxValue CreateVector(string name, float[] values) =>
        NamedOnnxValue.CreateFromTensor(name, new Microsoft.ML.OnnxRuntime.Tensors.DenseTensor<float>(values, [values.Length]));
}
