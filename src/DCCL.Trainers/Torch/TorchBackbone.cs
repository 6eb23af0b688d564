using DCCL.ML.Model;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DCCL.Trainers.Torch;

/// <summary>
/// A cloud model as torch tensors, cut in two at any patchable layer: <see cref="Encode"/> computes everything up to the
/// layer's activation, <see cref="Decode"/> everything after it.
/// </summary>
/// <remarks>
/// Patches change nothing before the first patched layer, so what <see cref="Encode"/> returns can be computed once per
/// event and kept. Not thread-safe. Owns its weights. <c>generator</c> parameters draw dropout masks; null means
/// evaluation: no dropout, frozen Dice statistics.
/// </remarks>
internal abstract class TorchBackbone : IDisposable
{
    private readonly Dictionary<string, Parameter> _weights = [];

    protected TorchBackbone(BackboneArchitecture architecture)
    {
        Architecture = architecture;
    }

    /// <summary>Creates a replica: the same weights in the same memory, but gradients of its own, or none.</summary>
    protected TorchBackbone(TorchBackbone original, bool frozen)
    {
        Architecture = original.Architecture;
        foreach ((string name, Parameter weight) in original._weights)
        {
            using Tensor shared = weight.detach();
            Parameter replica = new(shared, weight.requires_grad && !frozen);
            replica.DetachFromDisposeScope();
            _weights.Add(name, replica);
        }
    }

    public BackboneArchitecture Architecture { get; }

    /// <summary>Gets all tensors, by the names of <see cref="BackboneArchitecture.Tensors"/>.</summary>
    public IReadOnlyDictionary<string, Parameter> Weights => _weights;

    /// <summary>Gets the tensors that an optimiser changes; the others are running statistics.</summary>
    public IEnumerable<Parameter> Trainable => _weights.Values.Where(weight => weight.requires_grad);

    /// <summary>Gets how many pairs of an event and an item may be ranked to judge patches: as many as take some seconds.</summary>
    public abstract long NumberOfPairsToJudge { get; }

    /// <summary>Gets how many negatives of an event the cloud model was best trained on with, on validation events without labels.</summary>
    public abstract int BestNumberOfNegatives { get; }

    /// <summary>
    /// Gets to how many random items one event stands in the probability that the logistic function of a score is; null if that is the number of
    /// negatives which the model was trained with.
    /// </summary>
    public abstract int? NegativesOfProbability { get; }

    /// <summary>Computes the activation of a patchable layer and the logit's share that bypasses the layers.</summary>
    /// <returns>[groups, candidates, width] and [groups, candidates].</returns>
    public abstract (Tensor Activation, Tensor Offset) Encode(TrainingBatch batch, int layer, Generator? generator);

    /// <summary>Computes the logits from a layer's activation.</summary>
    /// <param name="activation">[groups, candidates, width of the layer].</param>
    /// <param name="offset">[groups, candidates].</param>
    /// <param name="layer">The layer that <paramref name="activation"/> belongs to.</param>
    /// <param name="patch">Maps (layer, activation) to the patched activation; null for the cloud model.</param>
    /// <param name="generator">Draws dropout masks; null in evaluation.</param>
    /// <returns>[groups, candidates].</returns>
    public abstract Tensor Decode(
        Tensor activation, Tensor offset, int layer, Func<int, Tensor, Tensor>? patch, Generator? generator);

    /// <summary>Creates a replica for another thread; it follows the original's weights and updates no statistics.</summary>
    /// <param name="frozen">Whether the replica asks for no gradients.</param>
    public abstract TorchBackbone Replicate(bool frozen = false);

    /// <summary>Computes the cloud model's logits [groups, candidates].</summary>
    public Tensor Forward(TrainingBatch batch, Generator? generator)
    {
        (Tensor activation, Tensor offset) = Encode(batch, layer: 0, generator);
        return Decode(activation, offset, layer: 0, patch: null, generator);
    }

    /// <summary>Copies the current values out.</summary>
    public Dictionary<string, float[]> Export() => _weights.ToDictionary(pair => pair.Key, pair => pair.Value.ToArray());

    /// <summary>Overwrites all values.</summary>
    public void Import(IReadOnlyDictionary<string, float[]> values)
    {
        foreach ((string name, Parameter weight) in _weights)
        {
            weight.CopyFrom(values[name]);
        }
    }

    public void Dispose()
    {
        foreach (Tensor weight in _weights.Values)
        {
            weight.grad?.Dispose();
            weight.Dispose();
        }
    }

    protected void Add(TensorShape shape, float[] values, bool trainable)
    {
        // In memory of torch's own: with weights in managed arrays the same seed gave other last bits from process to process.
        using Tensor managed = torch.tensor(values, [.. shape.Dimensions.Select(length => (long)length)]);
        using Tensor tensor = managed.clone();
        Parameter weight = new(tensor, trainable);
        weight.DetachFromDisposeScope();
        _weights.Add(shape.Name, weight);
    }
}
