using System.Globalization;
using System.Net;

namespace DCCL.Cli.Reporting;

/// <summary>Numbers and texts as the page shows them.</summary>
internal static class Html
{
    public static string Encode(string text) => WebUtility.HtmlEncode(text);

    public static string Number(double? value, string format = "0.0000") =>
        value is double number ? number.ToString(format, CultureInfo.InvariantCulture).Replace('-', '\u2212') : "\u2013";

    public static string Signed(double? value, string format = "0.0000") => Number(value, $"+{format};-{format};{format}");

    public static string Percent(double? value, string format = "0.0") => value is double number ? $"{Number(100 * number, format)}\u202f%" : "\u2013";

    public static string SignedPercent(double? value) => value is double number ? $"{Signed(100 * number, "0.0")}\u202f%" : "\u2013";

    /// <summary>Reads the style sheet of reports, which the program that compiles this has among its resources.</summary>
    public static string ReadStyle()
    {
        using Stream stream = typeof(Html).Assembly.GetManifestResourceStream("report.css")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    /// <summary>A figure with its interval.</summary>
    public static string Range((double? Estimate, double? Lower, double? Upper) value, Func<double?, string> text) =>
        value.Estimate is null ? "\u2013" : $"{text(value.Estimate)} [{text(value.Lower)}, {text(value.Upper)}]";
}
