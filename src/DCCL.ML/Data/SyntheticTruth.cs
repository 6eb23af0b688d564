namespace DCCL.ML.Data;

/// <summary>The planted parameters of <see cref="SyntheticDeviceCloud"/> and the logit that they give. Users and items count from 0.</summary>
internal sealed class SyntheticTruth
{
    private readonly SyntheticDeviceCloud.Options _options;
    private readonly double[][] _popularity;
    private readonly double[][] _userTastes;
    private readonly double[][] _itemTastes;
    private readonly double[][] _attributes;
    private readonly double[][][] _residuals;

    public SyntheticTruth(SyntheticDeviceCloud.Options options, SeededRandom random)
    {
        _options = options;
        _popularity = DrawPopularity(options, random.Fork(1));
        _userTastes = DrawGaussian(options.NumberOfUsers, options.TasteRank, random.Fork(2));
        _itemTastes = DrawGaussian(options.NumberOfItems, options.TasteRank, random.Fork(3));
        _attributes = DrawGaussian(options.NumberOfItems, options.ResidualRank, random.Fork(4));
        Profiles = DrawGaussian(options.NumberOfUsers, options.ProfileDimension, random.Fork(5));
        double[][] cloud = DrawResiduals(options, Profiles, random.Fork(6));
        double[][] fresh = DrawResiduals(options, Profiles, random.Fork(7));
        double kept = 1 - options.ResidualDrift;
        double changed = Math.Sqrt(1 - (kept * kept));
        double[][] device = [.. cloud.Zip(fresh, (old, other) => old.Zip(other, (x, y) => (kept * x) + (changed * y)).ToArray())];
        _residuals = [cloud, device];
    }

    public double[][] Profiles { get; }

    /// <summary>Gets what a person's liking of each attribute adds, per unit of the attribute.</summary>
    public ReadOnlySpan<double> Residual(int user, bool isDevicePeriod) => _residuals[isDevicePeriod ? 1 : 0][user];

    public double Popularity(int item, bool isDevicePeriod) => _popularity[isDevicePeriod ? 1 : 0][item];

    public double Taste(int user, int item) => _options.TasteStrength * ScaledDot(_userTastes[user], _itemTastes[item]);

    /// <summary>Gets the part of the logit that does not depend on the previous item.</summary>
    public double StaticLogit(int user, int item, bool isDevicePeriod, bool withResidual) => Popularity(item, isDevicePeriod)
        + Taste(user, item)
        + (withResidual ? ScaledDot(_residuals[isDevicePeriod ? 1 : 0][user], _attributes[item]) : 0);

    /// <summary>Gets the part of the logit that comes from the previous item.</summary>
    public double ShortTermLogit(int item, int? previousItem)
        => previousItem is { } previous ? _options.ShortTermStrength * ScaledDot(_itemTastes[previous], _itemTastes[item]) : 0;

    private static double[][] DrawPopularity(SyntheticDeviceCloud.Options options, SeededRandom random)
    {
        double[] cloud = [.. Enumerable.Range(1, options.NumberOfItems).Select(rank => -options.ItemExponent * Math.Log(rank))];
        random.Shuffle<double>(cloud);
        double[] device = Array.ConvertAll(cloud, value => value + (options.PopularityDrift * random.NextGaussian()));
        return [Centred(cloud), Centred(device)];
    }

    // Around the mean over what is shown, so that about half of what is shown is taken.
    private static double[] Centred(double[] popularity)
    {
        double mean = popularity.Sum(value => Math.Exp(value) * value) / popularity.Sum(Math.Exp);
        return Array.ConvertAll(popularity, value => value - mean);
    }

    private static double[][] DrawResiduals(SyntheticDeviceCloud.Options options, double[][] profiles, SeededRandom random)
    {
        double share = options.ProfileDimension == 0 ? 0 : options.ProfileShare;
        double[][] weights = DrawGaussian(options.ResidualRank, options.ProfileDimension, random);
        foreach (double[] row in weights)
        {
            double norm = Math.Sqrt(row.Sum(weight => weight * weight));
            for (int i = 0; i < row.Length; i++)
            {
                row[i] /= norm;
            }
        }

        return Array.ConvertAll(profiles, profile => Array.ConvertAll(
            weights,
            row => options.ResidualStrength
                * ((Math.Sqrt(share) * row.Zip(profile, (x, y) => x * y).Sum()) + (Math.Sqrt(1 - share) * random.NextGaussian()))));
    }

    private static double[][] DrawGaussian(int rows, int columns, SeededRandom random)
    {
        double[][] values = new double[rows][];
        for (int i = 0; i < rows; i++)
        {
            values[i] = new double[columns];
            for (int j = 0; j < columns; j++)
            {
                values[i][j] = random.NextGaussian();
            }
        }

        return values;
    }

    // Has variance 1 for independent standard normal factors.
    private static double ScaledDot(double[] left, double[] right)
    {
        double sum = 0;
        for (int i = 0; i < left.Length; i++)
        {
            sum += left[i] * right[i];
        }

        return sum / Math.Sqrt(left.Length);
    }
}
