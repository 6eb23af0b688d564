using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML;

/// <summary>Makes the columns of a <see cref="SchemaShape"/>, which an estimator promises before it is fitted.</summary>
/// <remarks>ML.NET keeps the constructor of <see cref="SchemaShape.Column"/> to itself, so that an estimator outside of it needs this.</remarks>
public static class SchemaShapeColumns
{
    private const string KeyValues = "KeyValues";

    /// <summary>Makes a column of single values.</summary>
    /// <param name="name">The name of the column.</param>
    /// <param name="itemType">The type of its values, such as <see cref="NumberDataViewType.Single"/>.</param>
    /// <returns>The column.</returns>
    public static SchemaShape.Column Scalar(string name, DataViewType itemType)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(itemType);
        return new SchemaShape.Column(name, SchemaShape.Column.VectorKind.Scalar, itemType, isKey: false);
    }

    /// <summary>Makes a column of vectors of one size.</summary>
    /// <param name="name">The name of the column.</param>
    /// <param name="itemType">The type of the vectors' items, such as <see cref="NumberDataViewType.Single"/>.</param>
    /// <returns>The column.</returns>
    public static SchemaShape.Column Vector(string name, DataViewType itemType)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(itemType);
        return new SchemaShape.Column(name, SchemaShape.Column.VectorKind.Vector, itemType, isKey: false);
    }

    /// <summary>Makes a column of keys: <see cref="uint"/> numbers from 1, where 0 means missing.</summary>
    /// <param name="name">The name of the column.</param>
    /// <param name="valueType">The type of the values behind the keys, such as <see cref="TextDataViewType.Instance"/>; null where the column
    /// carries no values.</param>
    /// <returns>The column.</returns>
    public static SchemaShape.Column Key(string name, DataViewType? valueType = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        SchemaShape? annotations = valueType is null ? null : new SchemaShape([Vector(KeyValues, valueType)]);
        return new SchemaShape.Column(name, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, isKey: true, annotations);
    }

    /// <summary>Makes a column of vectors of keys, all of one size.</summary>
    /// <param name="name">The name of the column.</param>
    /// <param name="valueType">The type of the values behind the keys, such as <see cref="TextDataViewType.Instance"/>; null where the column
    /// carries no values.</param>
    /// <returns>The column.</returns>
    public static SchemaShape.Column KeyVector(string name, DataViewType? valueType = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        SchemaShape? annotations = valueType is null ? null : new SchemaShape([Vector(KeyValues, valueType)]);
        return new SchemaShape.Column(name, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.UInt32, isKey: true, annotations);
    }

    /// <summary>Makes the column of scores: logits, <see cref="float"/>.</summary>
    /// <param name="name">The name of the column.</param>
    /// <returns>The column, annotated as those of ML.NET's own binary classifiers.</returns>
    public static SchemaShape.Column Score(string name = "Score")
    {
        return Scored(name, NumberDataViewType.Single, isNormalized: false);
    }

    /// <summary>Makes the column of probabilities, <see cref="float"/>.</summary>
    /// <param name="name">The name of the column.</param>
    /// <returns>The column, annotated as those of ML.NET's own binary classifiers.</returns>
    public static SchemaShape.Column Probability(string name = "Probability")
    {
        return Scored(name, NumberDataViewType.Single, isNormalized: true);
    }

    /// <summary>Makes the column of predicted labels, <see cref="bool"/>.</summary>
    /// <param name="name">The name of the column.</param>
    /// <returns>The column, annotated as those of ML.NET's own binary classifiers.</returns>
    public static SchemaShape.Column PredictedLabel(string name = "PredictedLabel")
    {
        return Scored(name, BooleanDataViewType.Instance, isNormalized: false);
    }

    /// <summary>Makes the column that says what a row was scored with, a key whose values are texts.</summary>
    /// <param name="name">The name of the column.</param>
    /// <returns>The column.</returns>
    public static SchemaShape.Column PatchStatus(string name = "PatchStatus")
    {
        return Key(name, TextDataViewType.Instance);
    }

    /// <summary>Gets the shape of a schema: what an estimator gets to see of data before it is fitted to them.</summary>
    /// <param name="schema">The schema of some data.</param>
    /// <returns>Its columns, without the hidden ones.</returns>
    public static SchemaShape Of(DataViewSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return SchemaShape.Create(schema);
    }

    /// <summary>Adds columns to those of an input; a column of the same name is replaced.</summary>
    /// <param name="input">What comes in.</param>
    /// <param name="columns">The columns to add.</param>
    /// <returns>What comes out.</returns>
    public static SchemaShape Append(SchemaShape input, params IEnumerable<SchemaShape.Column> columns)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(columns);
        Dictionary<string, SchemaShape.Column> output = input.ToDictionary(column => column.Name);
        foreach (SchemaShape.Column column in columns)
        {
            output[column.Name] = column;
        }

        return new SchemaShape(output.Values);
    }

    /// <summary>Finds a column by its name.</summary>
    /// <param name="shape">Where to look.</param>
    /// <param name="name">The name of the column.</param>
    /// <param name="column">The column, where there is one.</param>
    /// <returns>True where there is one.</returns>
    public static bool TryFind(SchemaShape shape, string name, out SchemaShape.Column column)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return shape.TryFindColumn(name, out column);
    }

    /// <summary>Describes the type of a column as messages show it, such as <c>Key&lt;UInt32&gt;</c>.</summary>
    /// <param name="column">The column.</param>
    /// <returns>The description.</returns>
    public static string Describe(SchemaShape.Column column)
    {
        return column.GetTypeString();
    }

    private static SchemaShape.Column Scored(string name, DataViewType type, bool isNormalized)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        SchemaShape annotations = new(AnnotationUtils.GetTrainerOutputAnnotation(isNormalized));
        return new SchemaShape.Column(name, SchemaShape.Column.VectorKind.Scalar, type, isKey: false, annotations);
    }
}
