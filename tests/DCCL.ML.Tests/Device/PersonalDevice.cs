using System.Globalization;
using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Export;
using DCCL.TestKit;

namespace DCCL.ML.Tests.Device;

/// <summary>A model on a device whose owner has a taste of a known patch, and answers drawn from it.</summary>
internal sealed class PersonalDevice : IDisposable
{
    private readonly SeededRandom _random;
    private readonly List<long> _history = [];
    private readonly float[] _theta;
    private readonly TextbookDin _textbook;

    public PersonalDevice(int seed, float strength = 1, bool hasLabels = true, bool servesColdStart = false, PatchActivation activation = PatchActivation.Tanh)
    {
        _random = new SeededRandom(seed);
        Parameters = CreateModel(seed, servesColdStart, activation);
        Model = ExportedModel.CreateTransformer(
            Parameters, [.. Enumerable.Range(1, 25).Select(n => $"i{n}")], hasLabels ? "Label" : null);
        _textbook = new TextbookDin(Parameters, new SeededRandom(1));
        Folder = Directory.CreateTempSubdirectory("dccl-device-").FullName;
        Model.ExportForDevice(ModelFolder);
        _theta = [.. Enumerable.Range(0, 4).Select(_ => (float)(strength * _random.NextGaussian()))];
    }

    public static DevicePersonalizerOptions Options { get; } = new() { L2 = 1, InterceptL2 = 1, NumberOfSteps = 30 };

    public DeviceCloudModelParameters Parameters { get; }

    public DeviceCloudPredictionTransformer Model { get; }

    public string Folder { get; }

    public string ModelFolder => Path.Combine(Folder, "model");

    public string OwnerFolder => Path.Combine(Folder, "owner");

    public static DeviceCloudModelParameters CreateModel(
        int seed, bool servesColdStart = false, PatchActivation activation = PatchActivation.Tanh) => RandomModel.Create(
        new SeededRandom(seed),
        new DinArchitecture { NumberOfItems = 25, EmbeddingDimension = 6, HistoryLength = 5, ActivationUnitSize = 6, HiddenLayerSizes = [10, 8] },
        new PatchArchitecture { PatchSize = 4, BottleneckSize = 2, Layers = [0], Activation = activation },
        servesColdStart ? new PatchEncoderArchitecture { HiddenSize = 3, ServesColdStart = true } : null);

    public DevicePersonalizer Open(DevicePersonalizerOptions? options = null) => new(ModelFolder, OwnerFolder, options ?? Options);

    /// <summary>Draws what the owner does next, and records it.</summary>
    public void Act(DevicePersonalizer device, int count, double time = 0)
    {
        for (int i = 0; i < count; i++)
        {
            (long item, bool label) = Draw();
            device.Record($"i{item}", time + i, label);
            if (label)
            {
                _history.Add(item);
            }
        }
    }

    /// <summary>The mean cross-entropy of answers that nobody has seen, after the owner's history.</summary>
    public double Measure(DevicePersonalizer device, int count = 300)
    {
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            (long item, bool label) = Draw();
            float score = device.Score([$"i{item.ToString(CultureInfo.InvariantCulture)}"])[0];
            sum += Math.Log(1 + Math.Exp(label ? -score : score));
        }

        return sum / count;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private (long Item, bool Label) Draw()
    {
        long item = 1 + _random.Next(25);
        long[] recent = [.. _history.AsEnumerable().Reverse().Take(5)];
        double logit = _textbook.Score(item, recent, [], _theta);
        return (item, _random.NextDouble() < 1 / (1 + Math.Exp(-logit)));
    }
}
