using System.Runtime.InteropServices;

namespace DCCL.Cli;

/// <summary>The process: its streams and its signals.</summary>
internal static class Program
{
    /// <summary>Runs a verb. The first Ctrl-C ends the work and keeps what there is; the second one ends the process.</summary>
    public static async Task<int> Main(string[] args)
    {
        using CancellationTokenSource interruption = new();
        void Interrupt(PosixSignalContext context)
        {
            context.Cancel = !interruption.IsCancellationRequested;
            if (!context.Cancel && !Console.IsErrorRedirected)
            {
                Console.Error.Write("\u001b[?25h"); // a table that changes has hidden the cursor
            }

            interruption.Cancel();
        }

        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);

        // Training is long work without an await: on its own thread, signals still get through.
        return await Task.Run(() => Tool.Run(args, ToolConsole.OfProcess(), interruption.Token));
    }
}
