using OxyPlot;

namespace DCCL.Cli.Reporting;

/// <summary>The colours of the pictures. In SVG each becomes a variable of the page's style sheet, which has a light and a dark value.</summary>
internal static class Palette
{
    public static OxyColor Ink { get; } = OxyColor.FromRgb(0x01, 0x01, 0x01);

    public static OxyColor Soft { get; } = OxyColor.FromRgb(0x02, 0x02, 0x02);

    public static OxyColor Line { get; } = OxyColor.FromRgb(0x03, 0x03, 0x03);

    public static OxyColor Good { get; } = OxyColor.FromRgb(0x04, 0x04, 0x04);

    public static OxyColor Bad { get; } = OxyColor.FromRgb(0x05, 0x05, 0x05);

    public static OxyColor Baseline { get; } = OxyColor.FromRgb(0x06, 0x06, 0x06);

    public static OxyColor Cloud { get; } = OxyColor.FromRgb(0x07, 0x07, 0x07);

    public static OxyColor Personal { get; } = OxyColor.FromRgb(0x08, 0x08, 0x08);

    public static OxyColor DeviceCloud { get; } = OxyColor.FromRgb(0x09, 0x09, 0x09);

    private static readonly (OxyColor Color, string Variable)[] _variables =
    [
        (Ink, "--ink"), (Soft, "--soft"), (Line, "--line"), (Good, "--good"), (Bad, "--bad"),
        (Baseline, "--baseline"), (Cloud, "--cloud"), (Personal, "--personal"), (DeviceCloud, "--dccl"),
    ];

    /// <summary>Gets the variable of a colour.</summary>
    public static string GetVariable(OxyColor color) => _variables.First(pair => pair.Color == color).Variable;

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
