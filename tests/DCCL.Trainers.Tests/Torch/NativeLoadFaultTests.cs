using DCCL.Trainers.Torch;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.Torch;

public sealed class NativeLoadFaultTests
{
    private const string Introduction =
        "Unable to load shared library 'LibTorchSharp' or one of its dependencies. In order to help diagnose loading problems, "
        + "consider using a tool like strace.\n";

    private const string NotHere =
        "/app/LibTorchSharp.so: cannot open shared object file: No such file or directory\n"
        + "/app/libLibTorchSharp.so: cannot open shared object file: No such file or directory\n"
        + "/app/LibTorchSharp: cannot open shared object file: No such file or directory\n"
        + "/app/libLibTorchSharp: cannot open shared object file: No such file or directory\n";

    [TestCase(
        "GLIBCXX_3.4.32",
        "libstdc++.so.6 lacks version GLIBCXX_3.4.32. Build again with RelaxTorchSharpNativeLibrary at its default, true, "
        + "or install the libstdc++ of GCC 13 or later.")]
    [TestCase("GLIBCXX_3.4.40", "libstdc++.so.6 lacks version GLIBCXX_3.4.40. Install a newer libstdc++ (Debian, Ubuntu: libstdc++6).")]
    [TestCase(
        "GLIBC_2.99", "libstdc++.so.6 lacks version GLIBC_2.99. Use a system with a newer C library, such as Debian 12 or Ubuntu 22.04.")]
    public void Describe_ASymbolVersionThatTheSystemLacks_NamesItAndTheRemedy(string version, string expected)
    {
        string cause = $"/lib/x86_64-linux-gnu/libstdc++.so.6: version `{version}' not found (required by /app/libLibTorchSharp.so)\n";

        string message = NativeLoadFault.Describe("LibTorchSharp", Introduction + cause + NotHere, "debian.12-x64");

        Assert.That(message, Is.EqualTo("TorchSharp's native library 'LibTorchSharp' must load, but does not: " + expected));
    }

    [TestCase(
        "libtorch.so", "libtorch.so, which it needs, is not there. Add the package libtorch-cpu-linux-x64 to the project that runs.")]
    [TestCase(
        "libgomp.so.1",
        "libgomp.so.1, which it needs, is not there. Install the system package that holds libgomp.so.1 (Debian, Ubuntu: libgomp1).")]
    [TestCase("libother.so.3", "libother.so.3, which it needs, is not there. Install the system package that holds libother.so.3.")]
    public void Describe_ALibraryThatItNeeds_NamesItAndWhoHoldsIt(string file, string expected)
    {
        string cause = $"{file}: cannot open shared object file: No such file or directory\n";

        string message = NativeLoadFault.Describe("LibTorchSharp", Introduction + cause + NotHere, "linux-x64");

        Assert.That(message, Is.EqualTo("TorchSharp's native library 'LibTorchSharp' must load, but does not: " + expected));
    }

    [TestCase("torch_cpu", "linux-x64", "Add the package libtorch-cpu-linux-x64 to the project that runs.")]
    [TestCase("torch_cpu", "osx-arm64", "Add the package libtorch-cpu-osx-arm64 to the project that runs.")]
    [TestCase(
        "LibTorchSharp", "linux-arm64", "Publish for one of TorchSharp's systems (linux-x64, osx-arm64, win-x64); this one is linux-arm64.")]
    public void Describe_ALibraryThatIsNotThere_SaysWhatToAdd(string library, string system, string remedy)
    {
        string places = NotHere.Replace("LibTorchSharp", library, StringComparison.Ordinal);

        string message = NativeLoadFault.Describe(library, Introduction + places, system);

        Assert.That(
            message, Is.EqualTo($"TorchSharp's native library '{library}' must load, but does not: it is not beside the program. {remedy}"));
    }

    [Test]
    public void Describe_OnWindows_KeepsTheSystemsWords()
    {
        string message = NativeLoadFault.Describe(
            "torch_cpu", "Unable to load DLL 'torch_cpu' or one of its dependencies: The specified module could not be found.", "win-x64");

        Assert.That(message, Is.EqualTo(
            "TorchSharp's native library 'torch_cpu' must load, but does not: Unable to load DLL 'torch_cpu' or one of its dependencies: "
            + "The specified module could not be found. Add the package libtorch-cpu-win-x64 to the project that runs, and install the "
            + "Visual C++ redistributable for x64."));
    }
}
