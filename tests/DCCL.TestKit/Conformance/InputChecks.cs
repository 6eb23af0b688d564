using System.Text.RegularExpressions;
using DCCL.ML;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.TestKit.Conformance;

/// <summary>Columns that are missing or of a wrong type are refused, at once, and by name.</summary>
internal static partial class InputChecks
{
    public const string Name = "Wrong input";

    /// <summary>Before fitting, and by Fit.</summary>
    public static void Check(IEstimator<ITransformer> estimator, IDataView data, ConformanceOptions options)
    {
        foreach ((InputColumn column, IDataView spoiled, string fault, bool showsInShape) in Spoil(data, options))
        {
            if (showsInShape)
            {
                Expect(() => estimator.GetOutputSchema(SchemaShapeColumns.Of(spoiled.Schema)), "GetOutputSchema", column, fault, options);
            }

            Expect(() => estimator.Fit(spoiled), "Fit", column, fault, options);
        }
    }

    /// <summary>By everything that takes data or their schema.</summary>
    public static void Check(ITransformer model, IDataView data, ConformanceOptions options)
    {
        foreach ((InputColumn column, IDataView spoiled, string fault, _) in Spoil(data, options))
        {
            Expect(() => model.GetOutputSchema(spoiled.Schema), "GetOutputSchema", column, fault, options);
            Expect(() => model.Transform(spoiled), "Transform", column, fault, options);
            if (model.IsRowToRowMapper)
            {
                Expect(() => model.GetRowToRowMapper(spoiled.Schema), "GetRowToRowMapper", column, fault, options);
            }
        }
    }

    private static IEnumerable<(InputColumn Column, IDataView Spoiled, string Fault, bool ShowsInShape)> Spoil(IDataView data, ConformanceOptions options)
    {
        MLContext context = new(seed: 1);
        foreach (InputColumn column in options.Inputs)
        {
            if (!column.IsOptional)
            {
                yield return (column, context.Transforms.DropColumns(column.Name).Fit(data).Transform(data), "missing", true);
            }

            foreach (DataViewType type in column.WrongTypes)
            {
                yield return (column, new RetypedView(data, column.Name, type), $"of type {type}", true);
            }

            foreach (DataViewType type in column.WrongSizes)
            {
                yield return (column, new RetypedView(data, column.Name, type), $"of type {type}", false);
            }
        }
    }

    private static void Expect(Action act, string method, InputColumn column, string fault, ConformanceOptions options)
    {
        string? message = null;
        try
        {
            act();
        }
        catch (Exception refusal) when (refusal is ArgumentException or InvalidOperationException or FormatException)
        {
            message = refusal.Message;
        }
        catch (Exception other)
        {
            throw new ConformanceException(
                Name, $"{method} must refuse '{column.Name}' {fault} with an ArgumentException, but throws {other.GetType().Name}: {other.Message}");
        }

        if (message is null)
        {
            throw new ConformanceException(Name, $"{method} must refuse '{column.Name}' {fault}, but takes it.");
        }

        if (!message.Contains(options.ExplainsFaults ? $"'{column.Name}'" : column.Name, StringComparison.Ordinal))
        {
            throw new ConformanceException(Name, $"{method} must name '{column.Name}', which is {fault}, but says: {message}");
        }

        if (options.ExplainsFaults && !Explanation().IsMatch(message))
        {
            throw new ConformanceException(
                Name, $"{method} must say what '{column.Name}' must be, what it is, and what to do where it is {fault}, but says: {message}");
        }
    }

    // Subject, expectation, finding; then a sentence with the remedy.
    [GeneratedRegex(@" must .+, but .+\. [A-Z].+\.( \(Parameter '.+'\))?$", RegexOptions.Singleline)]
    private static partial Regex Explanation();
}
