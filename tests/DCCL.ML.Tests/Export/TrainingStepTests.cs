using DCCL.ML.Data;
using DCCL.ML.Export;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Onnx.Proto;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.ML.Tests.Export;

public sealed class TrainingStepTests
{
    // Gradients are sums over some ten samples of products in float32; finite differences in double leave 1e-9.
    private const double Tolerance = 2e-5;
    private const double Epsilon = 1e-6;

    private static readonly int[][] _positions = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2], []];

    [Test]
    public void Gradient_EveryPositionAndActivation_IsThatOfFiniteDifferences(
        [Range(0, 7)] int position, [Values] PatchActivation patchActivation, [Values] DinActivation activation)
    {
        SeededRandom random = new(100 + position);
        DinArchitecture architecture = RandomModel.CreateArchitecture(random) with { HiddenLayerSizes = [8, 7, 6], Activation = activation };
        PatchArchitecture patch = new() { PatchSize = 5, BottleneckSize = 2, Activation = patchActivation, Layers = _positions[position] };
        Check(random, RandomModel.Create(random, architecture, patch));
    }

    [Test]
    public void Gradient_RandomArchitectures_IsThatOfFiniteDifferences([Range(1, 20)] int seed, [Values("din", "sasrec")] string backbone)
    {
        SeededRandom random = new(seed);
        BackboneArchitecture architecture = RandomModel.CreateArchitecture(random, backbone);
        Check(random, RandomModel.Create(random, architecture, RandomModel.CreatePatch(random, architecture)));
    }

    private static void Check(SeededRandom random, DeviceCloudModelParameters parameters)
    {
        DeviceCloudPredictionTransformer model = ExportedModel.CreateTransformer(parameters);
        using StockRuntime scoring = new(ExportedModel.Export(model));
        using StockRuntime learning = new(ExportStep(model));
        StepInputs step = new(random, parameters, scoring);

        float[][] outputs = step.Run(learning, "next_patch", "next_first_moment", "next_second_moment", "loss", "score");

        double[] theta = [.. step.Patch.Select(value => (double)value)];
        double[] gradient = [.. theta.Select((_, k) => (step.GetLoss(Moved(k, Epsilon)) - step.GetLoss(Moved(k, -Epsilon))) / (2 * Epsilon))];
        double[] Moved(int k, double by) => [.. theta.Select((value, i) => i == k ? value + by : value)];
        float[] actual = [.. outputs[1].Zip(step.FirstMoment, (next, moment) => (next - (0.9f * moment)) / 0.1f)];
        double scale = Math.Max(1, gradient.Max(Math.Abs));
        Assert.That(Deviation.Max(actual, gradient, scale), Is.LessThan(Tolerance), $"{parameters.Architecture} {parameters.Patch}");
        Assert.That(outputs[3][0], Is.EqualTo(step.GetLoss(theta)).Within(Tolerance * Math.Max(1, step.GetLoss(theta))));
        Assert.That(Deviation.Max(outputs[4], step.GetLogits(theta)), Is.LessThan(Tolerance));

        // Kingma and Ba, algorithm 1, in double precision.
        double[] first = [.. step.FirstMoment.Zip(gradient, (m, g) => (0.9 * m) + (0.1 * g))];
        double[] second = [.. step.SecondMoment.Zip(gradient, (v, g) => (0.999 * v) + (0.001 * g * g))];
        double[] next = [.. theta.Select((value, k) =>
            value - (step.LearningRate * (first[k] / (1 - Math.Pow(0.9, step.Step))) / (Math.Sqrt(second[k] / (1 - Math.Pow(0.999, step.Step))) + 1e-8)))];
        Assert.That(Deviation.Max(outputs[2], second, Math.Max(1, scale * scale)), Is.LessThan(Tolerance));
        Assert.That(Deviation.Max(outputs[0], next), Is.LessThan(Tolerance), $"{parameters.Architecture} {parameters.Patch}");
    }

    [Test]
    public void ExportTrainingStep_AModelWithoutABasis_SaysWhatToDo()
    {
        DeviceCloudModelParameters parameters = RandomModel.Create(new SeededRandom(1), new DinArchitecture { NumberOfItems = 5 });

        Assert.That(
            () => ExportStep(ExportedModel.CreateTransformer(parameters)),
            Throws.ArgumentException.With.Message.Contains("must have a patch basis, but has none. Run MetaPatch first."));
    }

    [Test]
    public void SelfCheck_AStepWithAWrongDerivative_IsRefused()
    {
        SeededRandom random = new(1);
        DeviceCloudModelParameters parameters = RandomModel.Create(
            random, new DinArchitecture { NumberOfItems = 5, HiddenLayerSizes = [8, 6] }, new PatchArchitecture { PatchSize = 4, Layers = [0, 1] });
        ModelProto model = TrainingStepGraph.Build(parameters);
        Assert.That(() => ExportCheck.RunTrainingStep(GraphSeal.Serialize(model), parameters), Throws.Nothing);

        model.Graph.Node.First(node => node.Output[0] == "slope.difference").Input[1] = "slope.probability";
        Assert.That(
            () => ExportCheck.RunTrainingStep(GraphSeal.Serialize(model), parameters),
            Throws.InvalidOperationException.With.Message.Contains("slope"));
    }

    // Learnt bases have columns that bend the loss a lot: the check must not mistake that for a wrong derivative.
    [Test]
    public void SelfCheck_ASteepBasis_IsAccepted([Range(1, 5)] int seed, [Values(10f, 100f)] float scale)
    {
        SeededRandom random = new(seed);
        DinArchitecture architecture = new() { NumberOfItems = 5, HiddenLayerSizes = [16, 8], Activation = (DinActivation)(seed % 2) };
        PatchArchitecture patch = new() { PatchSize = 8, Activation = (PatchActivation)(seed % 3), Layers = [0, 1] };
        DeviceCloudModelParameters flat = RandomModel.Create(random, architecture, patch);
        DeviceCloudModelParameters steep = new(architecture, patch, null, flat.TensorShapes.ToDictionary(
            shape => shape.Name,
            shape => Array.ConvertAll(flat[shape.Name].ToArray(), value => shape.Name.EndsWith(".basis", StringComparison.Ordinal) ? scale * value : value)));

        Assert.That(() => ExportStep(ExportedModel.CreateTransformer(steep)), Throws.Nothing);
    }

    [Test]
    public void Step_UsesPlainOperatorsOnly()
    {
        SeededRandom random = new(3);
        string[] backbones = ["din", "sasrec"];
        string[] operators = [.. Enumerable.Range(0, 40).SelectMany(i =>
        {
            BackboneArchitecture architecture = RandomModel.CreateArchitecture(random, backbones[i % 2]);
            return TrainingStepGraph.Build(RandomModel.Create(random, architecture, RandomModel.CreatePatch(random, architecture))).Graph.Node;
        }).Select(node => node.OpType).Distinct().Order(StringComparer.Ordinal)];

        Assert.That(operators, Is.SubsetOf((string[])
            ["Add", "Cast", "Concat", "Div", "Gemm", "Greater", "Identity", "MatMul", "Mul", "Pow", "ReduceSum", "Relu", "Reshape", "Sigmoid", "Slice", "Softplus", "Sqrt", "Squeeze", "Sub", "Tanh", "Unsqueeze"]));
    }

    [Test]
    public void ColdStart_RandomModels_PredictsAsTheEncoder([Range(1, 12)] int seed, [Values("din", "sasrec")] string backbone)
    {
        SeededRandom random = new(seed);
        BackboneArchitecture architecture = RandomModel.CreateArchitecture(random, backbone);
        PatchArchitecture patch = RandomModel.CreatePatch(random, architecture);
        PatchEncoderArchitecture shape = new() { HiddenSize = 1 + random.Next(5), ServesColdStart = true };
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, patch, shape);
        using MemoryStream stream = new();
        ExportedModel.CreateTransformer(parameters).ExportColdStart(stream);
        using StockRuntime stock = new(stream.ToArray());
        const int Groups = 5;
        int length = architecture.HistoryLength;
        ScoringBatch batch = RandomModel.CreateBatch(random, parameters, Groups, 1, length, 0);
        Array.Clear(batch.History, 0, length); // the first has no history
        batch.History[length] = 1; // the second has one

        float[] actual = architecture.ProfileDimension > 0
            ? stock.Run("patch", ("profile", batch.Profiles[..(Groups * architecture.ProfileDimension)], [Groups, architecture.ProfileDimension]))
            : stock.Run("patch", ("history", batch.History[..(Groups * length)], [Groups, length]));

        for (int group = 0; group < Groups; group++)
        {
            double[] expected = Predict(parameters, batch, group);
            float[] own = actual[(group * patch.PatchSize)..((group + 1) * patch.PatchSize)];
            Assert.That(Deviation.Max(own, expected), Is.LessThan(1e-5), $"{architecture} {patch} {group}");
        }

        Assert.That(actual, Has.Some.Not.Zero);
    }

    [Test]
    public void ExportColdStart_AModelThatDoesNotServeIt_SaysWhatToDo() => Assert.That(
        () => SmallModel.Create(servesColdStart: false).ExportColdStart(Stream.Null),
        Throws.ArgumentException.With.Message.Contains("Run MoMoDistill"));

    // U(0, u) = V1 tanh(V3 u + b) in double precision.
    private static double[] Predict(DeviceCloudModelParameters parameters, ScoringBatch batch, int group)
    {
        int profile = parameters.Architecture.ProfileDimension;
        int dimension = parameters.Architecture.EmbeddingDimension;
        long[] known = [.. batch.History.Skip(group * batch.HistoryLength).Take(batch.HistoryLength).Where(item => item > 0)];
        double[] result = new double[parameters.Patch!.PatchSize];
        if (profile == 0 && known.Length == 0)
        {
            return result;
        }

        double[] user = profile > 0
            ? [.. batch.Profiles.Skip(group * profile).Take(profile).Select(value => (double)value)]
            : [.. Enumerable.Range(0, dimension).Select(i => known.Average(item => (double)parameters["item.embedding"].Span[((int)item * dimension) + i]))];
        int hiddenSize = parameters.Encoder!.HiddenSize;
        for (int h = 0; h < hiddenSize; h++)
        {
            double sum = parameters["encoder.bias"].Span[h];
            for (int i = 0; i < user.Length; i++)
            {
                sum += user[i] * parameters["encoder.v3"].Span[(i * hiddenSize) + h];
            }

            for (int k = 0; k < result.Length; k++)
            {
                result[k] += Math.Tanh(sum) * parameters["encoder.v1"].Span[(h * result.Length) + k];
            }
        }

        return result;
    }

    private static byte[] ExportStep(ITransformer model)
    {
        using MemoryStream stream = new();
        model.ExportTrainingStep(stream);
        return stream.ToArray();
    }

    /// <summary>The inputs of a step, from samples that the scoring graph encoded, and the loss in double precision.</summary>
    private sealed class StepInputs
    {
        private const float L2 = 1.5f;
        private const float InterceptL2 = 0.5f;
        private readonly TextbookNetwork _textbook;
        private readonly ScoringBatch _batch;
        private readonly DeviceCloudModelParameters _parameters;
        private readonly float[] _activation;
        private readonly float[] _offset;
        private readonly float[] _label;
        private readonly float[] _weight;
        private readonly float[] _start;

        public StepInputs(SeededRandom random, DeviceCloudModelParameters parameters, StockRuntime scoring)
        {
            _parameters = parameters;
            _textbook = TextbookNetwork.Create(parameters, random);
            _batch = RandomModel.CreateBatch(random, parameters, 1 + random.Next(4), 1 + random.Next(4), 1 + random.Next(parameters.Architecture.HistoryLength), 0);
            float[][] encoded = scoring.Run(["activation", "offset"], ExportedModel.Inputs(_batch, parameters));
            (_activation, _offset) = (encoded[0], encoded[1]);
            _label = [.. _offset.Select(_ => (float)random.Next(2))];
            _weight = [.. _offset.Select(_ => random.Next(4) == 0 ? 0 : 0.25f + random.NextSingle())];
            int size = parameters.Patch!.PatchSize;
            float[] Draw(double scale) => [.. Enumerable.Range(0, size).Select(_ => (float)(scale * random.NextGaussian()))];
            Patch = Draw(0.5);
            _start = Draw(0.5);
            FirstMoment = Draw(1);
            SecondMoment = [.. Draw(1).Select(MathF.Abs)];
            Step = 1 + random.Next(20);
            LearningRate = 0.1f;
        }

        public float[] Patch { get; }

        public float[] FirstMoment { get; }

        public float[] SecondMoment { get; }

        public int Step { get; }

        public float LearningRate { get; }

        public float[][] Run(StockRuntime learning, params string[] outputs)
        {
            int samples = _label.Length;
            int size = Patch.Length;
            return learning.Run(
                outputs,
                ("activation", _activation, [samples, _activation.Length / samples]),
                ("offset", _offset, [samples]),
                ("label", _label, [samples]),
                ("weight", _weight, [samples]),
                ("patch", Patch, [1, size]),
                ("start", _start, [1, size]),
                ("first_moment", FirstMoment, [1, size]),
                ("second_moment", SecondMoment, [1, size]),
                ("step", new float[] { Step }, [1]),
                ("learning_rate", new[] { LearningRate }, [1]),
                ("l2", new[] { L2 }, [1]),
                ("intercept_l2", new[] { InterceptL2 }, [1]));
        }

        public double[] GetLogits(double[] theta)
        {
            int profile = _parameters.Architecture.ProfileDimension;
            return [.. Enumerable.Range(0, _label.Length).Select(i =>
            {
                int group = i / _batch.NumberOfCandidates;
                return _textbook.GetLogit(
                    _batch.Items[i],
                    _batch.History.AsSpan(group * _batch.HistoryLength, _batch.HistoryLength),
                    _batch.Profiles.AsSpan(group * profile, profile),
                    theta);
            })];
        }

        public double GetLoss(double[] theta) =>
            GetLogits(theta).Select((x, i) => _weight[i] * (Math.Max(x, 0) - (x * _label[i]) + Math.Log(1 + Math.Exp(-Math.Abs(x))))).Sum()
            + theta.Select((value, k) => (k == 0 ? InterceptL2 : L2) * Math.Pow(value - _start[k], 2) / 2).Sum();
    }
}
