using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using Microsoft.ML;

namespace DCCL.Benchmarks.Evidence.Personal;

/// <summary>FedAvg in the place of distillation: all devices fine-tune the cloud model, and the mean of their weights is the next one.</summary>
/// <remarks>
/// Weighted by the devices' numbers of events. Source: McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized
/// Data", AISTATS 2017, algorithm 1.
/// </remarks>
internal static class FederatedAveraging
{
    /// <summary>Runs some rounds.</summary>
    public static Contender Train(MethodContext context, int numberOfRounds)
    {
        ITransformer model = context.Models.Cloud;
        int[] clients = [.. Enumerable.Range(1, context.Data.NumberOfUsers)];
        double? strength = null;
        for (int round = 1; round <= numberOfRounds; round++)
        {
            using FullTuner tuner = new(context, model);
            strength ??= UserModels.ChooseStrength(context, tuner);
            new SeededRandom(context.Seed).Fork((ulong)round).Shuffle<int>(clients);
            IEnumerable<(DeviceCloudModelParameters, double)> models = clients
                .Where(user => tuner.GetNumberOfEvents(user) > 0)
                .Take(context.Options.IsQuick ? 30 : context.Options.MaximumNumberOfTunedUsers)
                .Select(user => (Model: tuner.Tune(user, strength.Value), Weight: (double)tuner.GetNumberOfEvents(user)))
                .Where(client => client.Model is not null)
                .Select(client => (client.Model!, client.Weight));
            DeviceCloudPredictionTransformer current = model.DeviceCloudModel();
            model = model.ReplaceDeviceCloudModel(current.WithModel(Average(models), patches: null));
        }

        return Contender.Of(model.DeviceCloudModel(), owns: true);
    }

    /// <summary>Gets the weighted mean of models of one architecture.</summary>
    public static DeviceCloudModelParameters Average(IEnumerable<(DeviceCloudModelParameters Model, double Weight)> models)
    {
        DeviceCloudModelParameters? first = null;
        Dictionary<string, double[]> sums = [];
        double total = 0;
        foreach ((DeviceCloudModelParameters model, double weight) in models)
        {
            first ??= model;
            total += weight;
            foreach (TensorShape shape in model.Architecture.Tensors)
            {
                ReadOnlySpan<float> values = model[shape.Name].Span;
                if (!sums.TryGetValue(shape.Name, out double[]? sum))
                {
                    sums.Add(shape.Name, sum = new double[values.Length]);
                }

                for (int i = 0; i < values.Length; i++)
                {
                    sum[i] += weight * values[i];
                }
            }
        }

        return first is null
            ? throw new ArgumentException("There must be devices with events, but there are none.", nameof(models))
            : new DeviceCloudModelParameters(
                first.Architecture, patch: null, encoder: null,
                sums.ToDictionary(pair => pair.Key, pair => Array.ConvertAll(pair.Value, value => (float)(value / total))));
    }
}
