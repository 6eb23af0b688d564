using DCCL.Cli.Reporting;
using OxyPlot;

namespace DCCL.Benchmarks.Evidence.Reporting;

/// <summary>The colours of the groups of methods.</summary>
internal static class GroupColors
{
    /// <summary>Gets the colour of a group of methods.</summary>
    public static OxyColor Of(string group) => group switch
    {
        MethodCatalog.DeviceCloud => Palette.DeviceCloud,
        MethodCatalog.Personal => Palette.Personal,
        MethodCatalog.CloudModel => Palette.Cloud,
        _ => Palette.Baseline,
    };
}
