namespace DCCL.ML.Onnx;

/// <summary>What a backbone computes after its first patched layer, forwards and backwards, as nodes of a graph.</summary>
/// <remarks>Values are matrices, one row for each sample.</remarks>
internal interface IDecoderNodes
{
    /// <summary>Adds the next layer.</summary>
    /// <param name="layer">The layer, from 1.</param>
    /// <param name="input">What the layer before it gave, patched.</param>
    /// <returns>The layer's activation.</returns>
    string Forward(int layer, string input);

    /// <summary>Adds the logit, [samples, 1], without the share that bypasses the layers.</summary>
    string Logit(string input);

    /// <summary>Adds the derivative of the loss by what <see cref="Logit"/> was given.</summary>
    string LogitBackward(string slope);

    /// <summary>Adds the derivative of the loss by what <see cref="Forward"/> was given.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="slope">The derivative by the layer's activation.</param>
    string Backward(int layer, string slope);
}
