namespace DCCL.ML.Device;

/// <summary>The names of the files of a device: those of the model, the same for everybody, and the owner's own.</summary>
public static class DeviceFiles
{
    /// <summary>The scoring graph.</summary>
    public const string Model = "model.onnx";

    /// <summary>The raw ids of the items.</summary>
    public const string Vocabulary = "model.vocabulary.json";

    /// <summary>The graph of a training step.</summary>
    public const string TrainingStep = "step.onnx";

    /// <summary>The graph of the cold start; there where the model serves people who never trained a patch.</summary>
    public const string ColdStart = "coldstart.onnx";

    /// <summary>The owner's events.</summary>
    public const string Events = "events.dccl";

    /// <summary>The owner's patch.</summary>
    public const string Patch = "patch.onnx_adapter";
}
