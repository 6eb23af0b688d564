using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace DCCL.Trainers.Torch;

/// <summary>Loads libtorch before anything of TorchSharp is used, so that a failure is one clear message.</summary>
/// <remarks>
/// Left to itself, TorchSharp 0.107 answers any failure by copying libtorch from the package cache into the program's folder, writes a
/// page to the console, and says that a package reference is missing even where it is not.
/// </remarks>
internal static class TorchNative
{
    // In the order in which TorchSharp loads them.
    private static readonly string[] _libraries = ["torch_cpu", "LibTorchSharp"];

    private static readonly Lazy<DllNotFoundException?> _fault = new(FindFault);

    /// <summary>Loads the native libraries, once in a process. Every trainer calls it before its first tensor.</summary>
    /// <exception cref="DllNotFoundException">A library does not load; the message says which, why, and what to install.</exception>
    public static void EnsureLoaded()
    {
        if (_fault.Value is { } fault)
        {
            // A new exception for each caller: a shared one would mix up their stack traces.
            throw new DllNotFoundException(fault.Message, fault.InnerException);
        }
    }

    private static DllNotFoundException? FindFault()
    {
        foreach (string library in _libraries)
        {
            try
            {
                NativeLibrary.Load(library, typeof(torch).Assembly, searchPath: null);
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                return new DllNotFoundException(NativeLoadFault.Describe(library, e.Message, RuntimeInformation.RuntimeIdentifier), e);
            }
        }

        try
        {
            Initialize();
            return null;
        }
        catch (Exception e) when (e is TypeInitializationException or NotSupportedException or EntryPointNotFoundException)
        {
            return new DllNotFoundException(
                NativeLoadFault.Describe(_libraries[^1], e.GetBaseException().Message, RuntimeInformation.RuntimeIdentifier), e);
        }
    }

    // Apart, so that TorchSharp's static constructor runs here and not when FindFault is compiled.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Initialize()
    {
        torch.InitializeDeviceType(DeviceType.CPU);
    }
}
