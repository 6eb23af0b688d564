using DCCL.ML.Model;
using NUnit.Framework;

namespace DCCL.ML.Tests.Model;

public sealed class ArchitectureTextTests
{
    private static readonly DinArchitecture _din = new() { NumberOfItems = 7, HiddenLayerSizes = [8, 4] };
    private static readonly PatchArchitecture _patch = new() { Layers = [1] };
    private static readonly PatchEncoderArchitecture _encoder = new();

    // Saved models and fingerprints hold this text: what can be derived from it must not stand in it.
    [Test]
    public void Describe_AllShapes_WritesWhatIsSetAndNothingDerived()
    {
        string text = ArchitectureText.Describe(_din, _patch, _encoder);
        Assert.That(text, Is.EqualTo(
            "{\"din\":{\"activationUnitSize\":64,\"hiddenLayerSizes\":[8,4],\"activation\":\"PRelu\",\"attentionWeights\":\"Softmax\","
            + "\"numberOfItems\":7,\"historyLength\":50,\"embeddingDimension\":32,\"profileDimension\":0},"
            + "\"patch\":{\"patchSize\":16,\"bottleneckSize\":8,\"activation\":\"Tanh\",\"layers\":[1]},"
            + "\"encoder\":{\"hiddenSize\":16,\"servesColdStart\":false}}"));
    }

    [Test]
    public void Parse_WhatDescribeWrote_GivesTheSameShapes()
    {
        (BackboneArchitecture backbone, PatchArchitecture? patch, PatchEncoderArchitecture? encoder) =
            ArchitectureText.Parse(ArchitectureText.Describe(_din, _patch, _encoder));
        Assert.That((backbone, patch, encoder), Is.EqualTo(((BackboneArchitecture)_din, _patch, _encoder)));
    }
}
