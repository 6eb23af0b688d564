using System.Diagnostics;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>A generated web project that runs, on a port that is free; ended by disposing.</summary>
internal sealed class Service : IAsyncDisposable
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(3);

    private readonly Process _process;
    private readonly Task _errors;

    private Service(Process process, Task errors, Uri address)
    {
        _process = process;
        _errors = errors;
        Address = address;
    }

    /// <summary>Gets where it listens.</summary>
    public Uri Address { get; }

    /// <summary>Starts a program, and waits until it listens.</summary>
    public static async Task<Service> StartAsync(string program, IReadOnlyDictionary<string, string> environment)
    {
        Process process = SubProcess.Start(SubProcess.DotNet, Path.GetDirectoryName(program)!, environment, "exec", program, "--urls", "http://127.0.0.1:0");
        Task<string> errors = process.StandardError.ReadToEndAsync();
        TaskCompletionSource<Uri?> listens = new(TaskCreationOptions.RunContinuationsAsynchronously);
        process.OutputDataReceived += (_, line) =>
        {
            int found = line.Data?.IndexOf("http://", StringComparison.Ordinal) ?? -1;
            if (line.Data is null || found >= 0)
            {
                listens.TrySetResult(line.Data is null ? null : new Uri(line.Data[found..].Trim()));
            }
        };
        process.BeginOutputReadLine(); // to its end: a full pipe would stop the service
        try
        {
            if (await listens.Task.WaitAsync(_limit) is Uri address)
            {
                return new Service(process, errors, address);
            }
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
        }

        string said = await errors;
        process.Dispose();
        throw new AssertionException($"{program} does not listen. {said}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        await _errors;
        _process.Dispose();
    }
}
