using OxyPlot;

namespace DCCL.Benchmarks.Evidence.Reporting;

/// <summary>The colours of the pictures. In SVG each becomes a variable of the page's style sheet, which has a light and a dark value.</summary>
internal static class Palette
{
    public static OxyColor Ink { get; } = OxyColor.FromRgb(0x01, 0x01, 0x01);

    public static OxyColor Soft { get; } = OxyColor.FromRgb(0x02, 0x02, 0x02);

    public static OxyColor Line { get; } = OxyColor.FromRgb(0x03, 0x03, 0x03);

    public static OxyColor Good { get; } = OxyColor.FromRgb(0x04, 0x04, 0x04);

    public static OxyColor Bad { get; } = OxyColor.FromRgb(0x05, 0x05, 0x05);

    private static readonly OxyColor _baseline = OxyColor.FromRgb(0x06, 0x06, 0x06);
    private static readonly OxyColor _cloud = OxyColor.FromRgb(0x07, 0x07, 0x07);
    private static readonly OxyColor _personal = OxyColor.FromRgb(0x08, 0x08, 0x08);
    private static readonly OxyColor _deviceCloud = OxyColor.FromRgb(0x09, 0x09, 0x09);

    private static readonly (OxyColor Color, string Variable)[] _variables =
    [
        (Ink, "--ink"), (Soft, "--soft"), (Line, "--line"), (Good, "--good"), (Bad, "--bad"),
        (_baseline, "--baseline"), (_cloud, "--cloud"), (_personal, "--personal"), (_deviceCloud, "--dccl"),
    ];

    /// <summary>Gets the colour of a group of methods.</summary>
    public static OxyColor Of(string group) => group switch
    {
        MethodCatalog.DeviceCloud => _deviceCloud,
        MethodCatalog.Personal => _personal,
        MethodCatalog.CloudModel => _cloud,
        _ => _baseline,
    };

    /// <summary>Gets the variable of a group's colour.</summary>
    public static string GetVariable(string group) => _variables.First(pair => pair.Color == Of(group)).Variable;

    /// <summary>Puts the style sheet's variables in the place of the colours.</summary>
    public static string UseVariables(string svg)
    {
        foreach ((OxyColor color, string variable) in _variables)
        {
            string hex = $"{color.R:x2}{color.G:x2}{color.B:x2}";
            svg = svg.Replace($"#{hex}", $"var({variable})", StringComparison.OrdinalIgnoreCase)
                .Replace($"rgb({color.R},{color.G},{color.B})", $"var({variable})", StringComparison.Ordinal);
        }

        return svg;
    }
}
