using System.Security.Cryptography;
using System.Text;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace DCCL.Cli.Reporting;

/// <summary>A picture in the making: what all pictures of the report have in common.</summary>
internal sealed class Chart
{
    private const double FontSize = 13;
    private readonly PlotModel _model = new()
    {
        PlotAreaBorderThickness = new OxyThickness(0),
        TextColor = Palette.Ink,
        DefaultFontSize = FontSize,
        Background = OxyColors.Undefined,
        Padding = new OxyThickness(4, 4, 16, 4),
    };

    /// <summary>Adds an axis of numbers.</summary>
    public Chart WithNumbers(AxisPosition position, string title, string format, double minimum = double.NaN, double maximum = double.NaN)
    {
        bool isHorizontal = position is AxisPosition.Bottom or AxisPosition.Top;
        if (!isHorizontal)
        {
            _model.PlotMargins = new OxyThickness(62, double.NaN, double.NaN, 48);
        }

        _model.Axes.Add(new LinearAxis
        {
            Position = position,
            Title = title,
            StringFormat = format,
            Minimum = minimum,
            Maximum = maximum,
            MinimumPadding = 0.05,
            MaximumPadding = 0.05,
            AxislineStyle = LineStyle.None,
            TickStyle = TickStyle.None,
            MajorGridlineStyle = LineStyle.Solid,
            MajorGridlineColor = Palette.Line,
            TitleColor = Palette.Soft,
            TextColor = Palette.Soft,
            AxisTitleDistance = 10,
            IntervalLength = isHorizontal ? 90 : 45,
        });
        return this;
    }

    /// <summary>Adds an axis of names; those on the left go from top to bottom.</summary>
    public Chart WithNames(AxisPosition position, IEnumerable<string> names)
    {
        CategoryAxis axis = new()
        {
            Position = position,
            AxislineStyle = LineStyle.None,
            TickStyle = TickStyle.None,
            GapWidth = 0.5,
            TextColor = Palette.Ink,
        };
        if (position == AxisPosition.Left)
        {
            axis.StartPosition = 1;
            axis.EndPosition = 0;
        }

        axis.Labels.AddRange(names);
        if (position == AxisPosition.Left)
        {
            // The exporter measures text too narrowly.
            _model.PlotMargins = new OxyThickness(12 + (7.6 * axis.Labels.Max(label => label.Length)), double.NaN, double.NaN, 48);
        }

        _model.Axes.Add(axis);
        return this;
    }

    /// <summary>Adds a point with an interval along the axis of numbers.</summary>
    /// <param name="value">The figure; null, or the ends of its interval null, where there is none.</param>
    /// <param name="place">The place along the other axis.</param>
    /// <param name="color">The colour.</param>
    /// <param name="isHorizontal">Whether numbers go from left to right.</param>
    public Chart Add((double? Estimate, double? Lower, double? Upper) value, double place, OxyColor color, bool isHorizontal = true)
    {
        if (value.Estimate is not double estimate)
        {
            return this;
        }

        if (value is { Lower: double lower, Upper: double upper })
        {
            AddLine([Place(lower), Place(upper)], color, thickness: 3);
        }

        ScatterSeries point = new() { MarkerType = MarkerType.Circle, MarkerSize = 5, MarkerFill = color };
        DataPoint at = Place(estimate);
        point.Points.Add(new ScatterPoint(at.X, at.Y));
        _model.Series.Add(point);
        return this;

        DataPoint Place(double number) => isHorizontal ? new DataPoint(number, place) : new DataPoint(place, number);
    }

    /// <summary>Adds a line.</summary>
    public Chart AddLine(
        IEnumerable<DataPoint> points, OxyColor color, double thickness, LineStyle style = LineStyle.Solid, bool withMarkers = false)
    {
        LineSeries line = new()
        {
            Color = color,
            StrokeThickness = thickness,
            LineStyle = style,
            MarkerType = withMarkers ? MarkerType.Circle : MarkerType.None,
            MarkerSize = 4,
            MarkerFill = color,
        };
        line.Points.AddRange(points);
        _model.Series.Add(line);
        return this;
    }

    /// <summary>Adds a bar from zero.</summary>
    public Chart AddBar(double place, double value, OxyColor color)
    {
        RectangleBarSeries bar = new() { FillColor = color, StrokeThickness = 0 };
        bar.Items.Add(new RectangleBarItem(Math.Min(0, value), place - 0.3, Math.Max(0, value), place + 0.3));
        _model.Series.Add(bar);
        return this;
    }

    /// <summary>Adds a text.</summary>
    public Chart AddText(double x, double y, string text, OxyColor color, HorizontalAlignment alignment = HorizontalAlignment.Left)
    {
        _model.Annotations.Add(new OxyPlot.Annotations.TextAnnotation
        {
            TextPosition = new DataPoint(x, y),
            Text = text,
            TextColor = color,
            StrokeThickness = 0,
            TextHorizontalAlignment = alignment,
            TextVerticalAlignment = VerticalAlignment.Middle,
            Background = OxyColors.Undefined,
        });
        return this;
    }

    /// <summary>Draws it as SVG for a page.</summary>
    /// <param name="title">What it shows, for those who do not see it; another one for each picture of a page.</param>
    /// <param name="width">The width; the page scales it.</param>
    /// <param name="height">The height.</param>
    public string Draw(string title, double width, double height)
    {
        SvgExporter exporter = new() { Width = width, Height = height, IsDocument = false };
        string svg = Palette.UseVariables(exporter.ExportToString(_model));

        // The exporter numbers its clipping paths, and all pictures of a page share one name space.
        string own = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(title)))[..12];
        svg = svg.Replace("clipPath", $"clip{own}-", StringComparison.Ordinal)
            .Replace($"<clip{own}-", "<clipPath", StringComparison.Ordinal).Replace($"</clip{own}-", "</clipPath", StringComparison.Ordinal);
        int start = svg.IndexOf("<svg", StringComparison.Ordinal);
        svg = svg[start..].Replace("<svg ", $"<svg role=\"img\" viewBox=\"0 0 {width:0} {height:0}\" ", StringComparison.Ordinal);
        int end = svg.IndexOf('>', StringComparison.Ordinal) + 1;
        return $"{svg[..end]}<title>{Html.Encode(title)}</title>{svg[end..]}";
    }
}
