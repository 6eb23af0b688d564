using System.Text.Json;
using DCCL.ML.Data;
using DCCL.ML.Model;

namespace DCCL.ML.Scoring;

/// <summary>Writes and reads everything a transformer is made of; FORMAT.md describes the bytes.</summary>
internal static class TransformerFile
{
    public const int FormatVersion = 1;

    private static ReadOnlySpan<byte> Magic => "DCCLMODL"u8;

    /// <summary>Writes a transformer. The same model gives the same bytes.</summary>
    public static void Write(Stream stream, DeviceCloudPredictionTransformer model)
    {
        using CheckedWriter writer = new(stream);
        writer.Write(Magic);
        writer.Write(FormatVersion);
        DeviceCloudModelParameters parameters = model.Parameters;
        writer.Write(ArchitectureText.Describe(parameters.Architecture, parameters.Patch, parameters.Encoder));
        foreach (TensorShape tensor in parameters.TensorShapes)
        {
            writer.WriteValues(parameters[tensor.Name].Span);
        }

        WritePatches(writer, model.Patches);
        WriteHistory(writer, model.History);
        InteractionColumns columns = model.Columns;
        writer.Write(columns.UserColumnName);
        writer.Write(columns.ItemColumnName);
        writer.Write(columns.TimestampColumnName);
        writer.Write(columns.LabelColumnName);
        writer.Write(columns.ProfileColumnName);
        writer.Write(model.HistoryColumnName);
        WriteIds(writer, model.UserIds);
        WriteIds(writer, model.ItemIds);
        writer.WriteDigest();
    }

    /// <summary>Reads a transformer.</summary>
    /// <exception cref="InvalidDataException">The bytes are not a model, are of a newer version, were cut off or altered.</exception>
    public static DeviceCloudPredictionTransformer Read(Stream stream)
    {
        using CheckedReader reader = new(stream);
        try
        {
            return Read(reader);
        }
        catch (Exception fault) when (fault is JsonException or ArgumentException or OverflowException)
        {
            throw new InvalidDataException($"The model cannot be read: {fault.Message} The file is damaged: save the model again.", fault);
        }
    }

    private static DeviceCloudPredictionTransformer Read(CheckedReader reader)
    {
        if (!reader.ReadValues<byte>(Magic.Length).AsSpan().SequenceEqual(Magic))
        {
            throw new InvalidDataException(
                "The model must start with 'DCCLMODL', but does not. Load a file that mlContext.Model.Save wrote.");
        }

        int version = reader.ReadInt32();
        if (version is < 1 or > FormatVersion)
        {
            throw new InvalidDataException(
                $"The model must have a format version from 1 to {FormatVersion}, but has {version}. Update the DCCL.ML package.");
        }

        (BackboneArchitecture backbone, PatchArchitecture? patch, PatchEncoderArchitecture? encoder) =
            ArchitectureText.Parse(reader.ReadRequiredString("an architecture"));
        Dictionary<string, float[]> tensors = [];
        TensorShape[] shapes = [.. backbone.Tensors, .. patch?.GetTensors(backbone) ?? [], .. encoder?.GetTensors(backbone, patch!) ?? []];
        foreach (TensorShape shape in shapes)
        {
            tensors.Add(shape.Name, reader.ReadValues<float>(shape.NumberOfElements));
        }

        UserPatches? patches = ReadPatches(reader, patch);
        BehaviorHistory history = ReadHistory(reader);
        InteractionColumns columns = new(
            reader.ReadRequiredString("a user column"),
            reader.ReadRequiredString("an item column"),
            reader.ReadString("a timestamp column"),
            reader.ReadString("a label column"),
            reader.ReadString("a profile column"));
        string historyColumnName = reader.ReadRequiredString("a history column");
        string[]? userIds = ReadIds(reader);
        string[]? itemIds = ReadIds(reader);
        reader.CheckDigest();
        return new DeviceCloudPredictionTransformer(
            new DeviceCloudModelParameters(backbone, patch, encoder, tensors), patches, history, columns)
        {
            HistoryColumnName = historyColumnName,
            UserIds = userIds,
            ItemIds = itemIds,
        };
    }

    private static void WritePatches(CheckedWriter writer, UserPatches? patches)
    {
        writer.Write(patches?.NumberOfUsers ?? -1);
        for (int user = 1; user <= patches?.NumberOfUsers; user++)
        {
            PatchStatus status = patches.GetStatus(user);
            writer.Write([(byte)status]);
            if (status == PatchStatus.Patched)
            {
                writer.WriteValues(patches[user]);
            }
        }
    }

    private static UserPatches? ReadPatches(CheckedReader reader, PatchArchitecture? architecture)
    {
        int? numberOfUsers = reader.ReadOptionalCount("users with patches");
        if (numberOfUsers is null)
        {
            return null;
        }

        int patchSize = architecture?.PatchSize
            ?? throw new InvalidDataException(
                "The model must have a patch architecture, because it has patches, but has none. The file is damaged.");
        List<PatchStatus> statuses = [];
        List<float> values = [];
        float[] zeros = new float[patchSize];
        for (int user = 1; user <= numberOfUsers; user++)
        {
            // At once: a table of what is no status could grow to any size before its end.
            PatchStatus status = (PatchStatus)reader.ReadByte();
            if (status is not (PatchStatus.Patched or PatchStatus.Gated or PatchStatus.Cloud))
            {
                throw new InvalidDataException(
                    $"The model must have a status of 1, 2 or 4 for user {user}, but has {(int)status}. The file is damaged: save the model again.");
            }

            statuses.Add(status);
            values.AddRange(status == PatchStatus.Patched ? reader.ReadValues<float>(patchSize) : zeros);
        }

        return new UserPatches(patchSize, [.. values], [.. statuses]);
    }

    private static void WriteHistory(CheckedWriter writer, BehaviorHistory history)
    {
        writer.Write(history.NumberOfUsers);
        writer.Write(history.ProfileDimension);
        writer.WriteValues(history.Offsets);
        writer.WriteValues(history.Items);
        writer.WriteValues(history.Profiles);
        writer.WriteValues(history.Cutoffs);
    }

    private static BehaviorHistory ReadHistory(CheckedReader reader)
    {
        int numberOfUsers = reader.ReadCount("users");
        int profileDimension = reader.ReadCount("profile values");
        int[] offsets = reader.ReadValues<int>(checked(numberOfUsers + 1));
        int[] items = reader.ReadValues<int>(Math.Max(0, offsets[^1]));
        float[] profiles = reader.ReadValues<float>(checked(numberOfUsers * profileDimension));
        double[] cutoffs = reader.ReadValues<double>(numberOfUsers);
        return new BehaviorHistory(offsets, items, profileDimension, profiles, cutoffs);
    }

    private static void WriteIds(CheckedWriter writer, IReadOnlyList<string>? ids)
    {
        writer.Write(ids?.Count ?? -1);
        for (int i = 0; i < ids?.Count; i++)
        {
            writer.Write(ids[i]);
        }
    }

    private static string[]? ReadIds(CheckedReader reader)
    {
        int? count = reader.ReadOptionalCount("ids");
        if (count is null)
        {
            return null;
        }

        List<string> ids = [];
        while (ids.Count < count)
        {
            ids.Add(reader.ReadRequiredString("an id"));
        }

        return [.. ids];
    }
}
