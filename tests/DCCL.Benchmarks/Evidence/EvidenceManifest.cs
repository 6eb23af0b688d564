using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence;

/// <summary>What a report was computed from, so that it can be computed again: the file manifest.json.</summary>
internal sealed record EvidenceManifest
{
    /// <summary>Gets the version of the form of the manifest and of the stored outcomes.</summary>
    public const int CurrentFormat = 1;

    public int Format { get; init; } = CurrentFormat;

    public required EvidenceOptions Options { get; init; }

    /// <summary>Gets the SHA-256 over the events of every log that was learnt from or tested on, in their order.</summary>
    public required string DataFingerprint { get; init; }

    /// <summary>Gets the version of DCCL.</summary>
    public required string LibraryVersion { get; init; }

    /// <summary>Gets the SHA-256 over the library and the benchmark as they were compiled.</summary>
    public required string CodeFingerprint { get; init; }

    public string Runtime { get; init; } = RuntimeInformation.FrameworkDescription;

    public string Architecture { get; init; } = RuntimeInformation.ProcessArchitecture.ToString();

    /// <summary>Gets the SHA-256 of report.json.</summary>
    public string? ReportFingerprint { get; init; }

    /// <summary>Gets what identifies the run: 16 hexadecimal digits over options, data and code.</summary>
    public string GetRun()
    {
        // Where the log lies, how many seeds and which methods are asked for does not make another run of it.
        string options = JsonSerializer.Serialize(
            Options with { DataFile = null, UserFile = null, Only = [], NumberOfSeeds = 1 }, EvidenceOptions.Json);
        return Hash(Encoding.UTF8.GetBytes($"{Format};{options};{DataFingerprint};{CodeFingerprint}"))[..16];
    }

    public static EvidenceManifest Create(EvidenceOptions options, IEnumerable<EvidenceStudy> studies)
    {
        string logs = string.Join(';', studies.Select(study =>
            $"{study.Training.CloudLog.ComputeFingerprint()},{study.Training.DeviceLog.ComputeFingerprint()},{study.Test.ComputeFingerprint()}"));
        Assembly[] code = [typeof(ItemRankingEvaluator).Assembly, typeof(DCCL.Trainers.DinTrainer).Assembly, typeof(EvidenceManifest).Assembly];
        return new EvidenceManifest
        {
            Options = options,
            DataFingerprint = Hash(Encoding.UTF8.GetBytes(logs)),
            LibraryVersion = code[0].GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown",

            // Of a deterministic build the same code has the same module version ids.
            CodeFingerprint = Hash(Encoding.UTF8.GetBytes(string.Join(';', code.Select(assembly => assembly.ManifestModule.ModuleVersionId)))),
        };
    }

    /// <summary>Reads a manifest.</summary>
    /// <exception cref="InvalidDataException">The file is none.</exception>
    public static EvidenceManifest Read(string path)
    {
        EvidenceManifest? manifest;
        try
        {
            manifest = JsonSerializer.Deserialize<EvidenceManifest>(File.ReadAllText(path), EvidenceOptions.Json);
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"'{path}' must be a manifest of the evidence, but is none: {exception.Message} Give a run's manifest.json.");
        }

        return manifest?.Format == CurrentFormat
            ? manifest
            : throw new InvalidDataException(
                $"'{path}' must be a manifest of format {CurrentFormat}, but is of {manifest?.Format.ToString() ?? "none"}. Run the evidence anew.");
    }

    public static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
