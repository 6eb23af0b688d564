using System.Security.Cryptography;

namespace DCCL.ML.Device;

/// <summary>The files of a device's owner: read as if they came from a stranger, written so that they agree at every moment.</summary>
/// <remarks>
/// The patch and what it has learnt from are two files. So the events say beforehand which patch is about to learn from them; once that patch is
/// the one on the disk, they are learnt, and before, they are not. Thread-safe.
/// </remarks>
internal sealed class OwnerFiles
{
    private const int MaximumNumberOfRefused = 99;

    private readonly Lock _lock = new();
    private readonly Action<string> _warn;
    private readonly string _folder;

    /// <summary>Opens the files.</summary>
    /// <param name="folder">The owner's folder.</param>
    /// <param name="maximumNumberOfEvents">The number of events that are kept.</param>
    /// <param name="warn">Receives what is wrong with a file.</param>
    public OwnerFiles(string folder, int maximumNumberOfEvents, Action<string> warn)
    {
        _folder = folder;
        _warn = warn;
        string path = PathOf(DeviceFiles.Events);
        try
        {
            Events = File.Exists(path) ? DeviceEventStore.Load(path, maximumNumberOfEvents) : new DeviceEventStore(maximumNumberOfEvents);
        }
        catch (InvalidDataException fault)
        {
            PutAside(path, fault.Message);
            Events = new DeviceEventStore(maximumNumberOfEvents);
        }
    }

    /// <summary>Raised after each file that <see cref="SaveEvents"/> and <see cref="SavePatch"/> write.</summary>
    public event Action? Stored;

    public DeviceEventStore Events { get; }

    /// <summary>Reads the patch, and settles from which events it has learnt.</summary>
    /// <param name="session">The model that it must fit.</param>
    /// <returns>The patch; null if there is none, or it was put aside.</returns>
    public UserPatch? LoadPatch(PatchedSession session)
    {
        UserPatch? patch = TryLoadPatch(session);
        if (Events.PendingPatch.Length > 0)
        {
            if (patch is not null && Events.PendingPatch == ComputeDigest(patch))
            {
                Events.MarkLearnt(session.Fingerprint);
            }
            else
            {
                Events.DropPending();
            }
        }

        if (Events.ModelFingerprint.Length > 0 && (patch is null || Events.ModelFingerprint != session.Fingerprint))
        {
            Events.MarkUnlearnt();
        }

        return patch;
    }

    public void SaveEvents()
    {
        lock (_lock)
        {
            Events.Save(PathOf(DeviceFiles.Events));
        }

        Stored?.Invoke();
    }

    /// <summary>Writes a new patch, and that it has learnt from events.</summary>
    /// <param name="patch">The patch.</param>
    /// <param name="learnt">The events.</param>
    /// <param name="stored">Called as soon as it is the owner's.</param>
    public void SavePatch(UserPatch patch, IEnumerable<DeviceEvent> learnt, Action stored)
    {
        Events.MarkPending(learnt, ComputeDigest(patch));
        SaveEvents();
        patch.Save(PathOf(DeviceFiles.Patch));
        Events.MarkLearnt(patch.ModelFingerprint);
        stored();
        Stored?.Invoke();
        SaveEvents();
    }

    /// <summary>Forgets the events, and deletes both files with what was put aside of them or left by an interruption.</summary>
    public void Delete()
    {
        lock (_lock)
        {
            Events.Clear();
            foreach (string name in (string[])[DeviceFiles.Events, DeviceFiles.Patch])
            {
                foreach (string path in Directory.GetFiles(_folder, name + "*"))
                {
                    File.Delete(path);
                }
            }
        }
    }

    private static string ComputeDigest(UserPatch patch) => Convert.ToHexStringLower(SHA256.HashData(patch.ToAdapter()));

    private string PathOf(string name) => Path.Combine(_folder, name);

    private UserPatch? TryLoadPatch(PatchedSession session)
    {
        string path = PathOf(DeviceFiles.Patch);
        try
        {
            if (!File.Exists(path))
            {
                return null;
            }

            UserPatch patch = UserPatch.Load(path);
            return patch.Check(session.Fingerprint, session.PatchSize, path, out string? message) == PatchRefusal.None
                ? patch
                : throw new InvalidDataException(message);
        }
        catch (InvalidDataException fault)
        {
            PutAside(path, fault.Message);
            return null;
        }
    }

    // Each damaged file is kept under a name of its own; of very many, the first ones and the last.
    private void PutAside(string path, string fault)
    {
        string aside = path + ".refused";
        for (int number = 2; File.Exists(aside) && number <= MaximumNumberOfRefused; number++)
        {
            aside = FormattableString.Invariant($"{path}.refused.{number}");
        }

        File.Move(path, aside, overwrite: true);
        _warn(fault);
    }
}
