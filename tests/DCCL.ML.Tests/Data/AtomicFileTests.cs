using DCCL.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Data;

/// <summary>Files that are written aside.</summary>
public sealed class AtomicFileTests
{
    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("dccl-atomic-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    [Platform("Linux", Reason = "Only there is a device that is always full.")]
    public void Write_OnAFullDisk_LeavesTheOldFileAndNothingElse()
    {
        string path = Path.Combine(_folder, "file");
        AtomicFile.Write(path, [1, 2]);

        IOException? fault = Assert.Throws<IOException>(() => AtomicFile.Write(path, 0, (stream, _) =>
        {
            stream.WriteByte(3);
            using FileStream full = new("/dev/full", FileMode.Open, FileAccess.Write);
            full.WriteByte(4);
            full.Flush();
        }));

        Assert.That(fault!.HResult, Is.EqualTo(28), "ENOSPC");
        Assert.That(File.ReadAllBytes(path), Is.EqualTo(new byte[] { 1, 2 }));
        Assert.That(Directory.GetFiles(_folder), Is.EqualTo(new[] { path }));
    }

    [Test]
    public void RemoveLeftovers_OfAFile_LeavesWhatIsBeingWrittenAndWhatIsNone()
    {
        string path = Path.Combine(_folder, "file");
        string[] others = [path, $"{path}.tmp", $"{path}2.abcdefgh.ijk.tmp", $"{path}.abcdefghi.jk.tmp"];
        foreach (string file in others.Append($"{path}.abcdefgh.ijk.tmp"))
        {
            File.WriteAllBytes(file, [1]);
        }

        AtomicFile.Write(path, 0, (stream, _) =>
        {
            stream.WriteByte(5);
            AtomicFile.RemoveLeftovers(path);
        });

        Assert.That(Directory.GetFiles(_folder), Is.EquivalentTo(others));
        Assert.That(File.ReadAllBytes(path), Is.EqualTo(new byte[] { 5 }), "what was being written was not removed");
    }
}
